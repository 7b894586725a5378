//! Tells in the third person what was said in the first ("i take") or the second ("you take"), where that is safe, and
//! says so where it is not.

use super::lexicon::{is_drug_name, written};
use super::verbs::{after_patient, after_they, is_adverb, is_base, is_past};
use crate::engine::words::Word;

/// Who the patient is in the words at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PatientIs {
    /// The patient speaks.
    I,
    /// A clinician speaks to the patient.
    You,
}

/// How the patient is called after "the patient". Which one is learnt from the conversation alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Pronoun {
    /// She.
    She,
    /// He.
    He,
    /// Nobody said.
    #[default]
    Unknown,
    /// Someone else speaks and is spoken to too, so that "i" and "you" may be anyone.
    Unclear,
}

impl Pronoun {
    const fn subject(self) -> &'static str {
        match self {
            Self::She => "she",
            Self::He => "he",
            Self::Unknown | Self::Unclear => "they",
        }
    }

    const fn object(self) -> &'static str {
        match self {
            Self::She => "her",
            Self::He => "him",
            Self::Unknown | Self::Unclear => "them",
        }
    }

    const fn possessive(self) -> &'static str {
        match self {
            Self::She => "her",
            Self::He => "his",
            Self::Unknown | Self::Unclear => "their",
        }
    }

    const fn reflexive(self) -> &'static str {
        match self {
            Self::She => "herself",
            Self::He => "himself",
            Self::Unknown | Self::Unclear => "themselves",
        }
    }
}

/// Words after which "you" and "i" are objects, or the verb behind them stays in its base form.
const GOVERNORS: &[&str] = &[
    "to",
    "for",
    "with",
    "of",
    "on",
    "give",
    "see",
    "refer",
    "put",
    "start",
    "send",
    "have",
    "tell",
    "let",
    "make",
    "help",
    "want",
    "need",
    "recommend",
    "place",
    "get",
    "keep",
    "continue",
    "encourage",
    "advise",
    "ask",
    "schedule",
    "set",
    "prescribe",
    "at",
    "about",
    "from",
    "suggest",
    "remind",
    "show",
    "allow",
    "bring",
    "between",
    "behind",
    "around",
    "in",
    "giving",
    "putting",
    "having",
    "seeing",
    "bothering",
    "bother",
    "bothers",
    "hurting",
    "helped",
    "helping",
    "makes",
    "made",
    "gave",
    "told",
    "gives",
    "wakes",
    "woke",
    "switch",
    "change",
    "treat",
    "write",
    "sending",
    "into",
    "cause",
    "caused",
    "getting",
    "take",
    "wean",
    "taper",
    "teach",
    "follow",
    "connect",
    "asking",
    "call",
    "asked",
    "wanted",
    "advised",
];

/// Words before "i" or "you" that make a question or a wish of it.
const INVERTERS: &[&str] = &[
    "do", "did", "does", "am", "are", "was", "were", "can", "could", "should", "would", "will", "have", "has", "had",
    "may", "might",
];

struct Telling {
    patient: PatientIs,
    pronoun: Pronoun,
    named: bool,
    agrees: bool,
    out: Vec<String>,
}

/// Tells the words again; nothing where a rule does not hold.
pub(super) fn retell(words: &[Word], patient: PatientIs, pronoun: Pronoun, already_named: bool) -> Option<Vec<String>> {
    let mut telling =
        Telling { patient, pronoun, named: already_named, agrees: false, out: Vec::with_capacity(words.len() + 4) };
    let mut at = 0;
    while at < words.len() {
        at += telling.step(words, at)?;
    }
    Some(telling.out)
}

impl Telling {
    /// Tells the word at `at`, and says how many words that took.
    fn step(&mut self, words: &[Word], at: usize) -> Option<usize> {
        let word = words[at].low.as_str();
        let (subject, object, possessive, reflexive) = match self.patient {
            PatientIs::I => ("i", "me", "my", "myself"),
            PatientIs::You => ("you", "you", "your", "yourself"),
        };
        if word == "i'd" && self.patient == PatientIs::I || word == "you'd" && self.patient == PatientIs::You {
            return self.would_or_had(words, at);
        }
        let is_patient = [subject, object, possessive, reflexive].contains(&word);
        if is_patient && self.pronoun == Pronoun::Unclear {
            return None;
        }
        if word == subject && (object != subject || !Self::is_object(words, at)?) {
            return self.subject(words, at);
        }
        if word == object {
            let called = self.called(self.pronoun.object());
            self.push(called);
            return Some(1);
        }
        if word == possessive {
            self.possessive(words, at);
            return Some(1);
        }
        if word == reflexive {
            self.push(self.pronoun.reflexive());
            return Some(1);
        }
        let speaks_of_others = match self.patient {
            // "we" is the patient and someone else, "you" the clinician or anyone.
            PatientIs::I => {
                ["you", "your", "you'd", "we", "we'd", "us", "our", "ours", "mine", "yourself", "ourselves"]
                    .contains(&word)
            }
            PatientIs::You => ["yours", "yourselves"].contains(&word),
        };
        if speaks_of_others {
            return None;
        }
        self.plain(words, at);
        Some(1)
    }

    fn push(&mut self, text: &str) {
        self.out.push(text.to_owned());
    }

    /// The patient's first mention is by name, so to speak.
    fn called(&mut self, pronoun: &'static str) -> &'static str {
        if std::mem::replace(&mut self.named, true) { pronoun } else { "the patient" }
    }

    /// Whether "you" is an object; nothing where it is neither that nor a subject with its verb.
    fn is_object(words: &[Word], at: usize) -> Option<bool> {
        let previous = at.checked_sub(1).map_or("", |before| words[before].low.as_str());
        if GOVERNORS.contains(&previous) {
            return Some(true);
        }
        let next = verb_after(words, at + 1).map_or("", |(_, verb)| verb);
        if after_patient(next).is_some() {
            return Some(false);
        }
        (is_base(previous) || is_past(previous) || previous.ends_with("ing")).then_some(true)
    }

    fn subject(&mut self, words: &[Word], at: usize) -> Option<usize> {
        let previous = at.checked_sub(1).map_or("", |before| words[before].low.as_str());
        if INVERTERS.contains(&previous) && self.patient == PatientIs::I {
            return None;
        }
        let (verb_at, verb) = verb_after(words, at + 1)?;
        let singular = after_patient(verb)?;
        let is_inverted = INVERTERS.contains(&previous);
        let called = self.called(self.pronoun.subject());
        let changed = if called == "they" { after_they(verb).to_owned() } else { singular };
        self.push(called);
        for between in &words[at + 1..verb_at] {
            self.push(between.plain());
        }
        self.push(if is_inverted { verb } else { &changed });
        self.agrees = called != "they" && !is_inverted && (changed.as_str() != verb || is_base(verb));
        Some(verb_at + 1 - at)
    }

    /// "i'd like" is "would", "i'd been" is "had"; anything else is not safe.
    fn would_or_had(&mut self, words: &[Word], at: usize) -> Option<usize> {
        let (_, next) = verb_after(words, at + 1)?;
        let auxiliary = match next {
            "like" | "say" | "have" | "be" | "love" | "rather" | "want" | "prefer" | "get" | "take" | "go" => "would",
            "been" | "had" | "gotten" | "gone" | "done" => "had",
            _ => return None,
        };
        let called = self.called(self.pronoun.subject());
        self.push(called);
        self.push(auxiliary);
        Some(1)
    }

    fn possessive(&mut self, words: &[Word], at: usize) {
        let next = words.get(at + 1).map_or("", |word| word.low.as_str());
        if self.patient == PatientIs::You && is_drug_name(next) {
            return;
        }
        let called = if std::mem::replace(&mut self.named, true) { self.pronoun.possessive() } else { "the patient's" };
        self.push(called);
    }

    /// Any other word; a verb that is joined to the patient's verb by "and" agrees too.
    fn plain(&mut self, words: &[Word], at: usize) {
        let word = &words[at];
        let previous = at.checked_sub(1).map_or("", |before| words[before].low.as_str());
        const JOINED: &[&str] = &[
            "have", "feel", "get", "take", "go", "eat", "come", "see", "give", "keep", "lose", "know", "try", "am",
            "are",
        ];
        let is_joined = self.agrees && matches!(previous, "and" | "or" | "but") && JOINED.contains(&word.low.as_str());
        if let Some(changed) = is_joined.then(|| after_patient(&word.low)).flatten() {
            self.out.push(changed);
            return;
        }
        self.out.push(written(word.plain()));
    }
}

/// The next word that is no adverb.
fn verb_after(words: &[Word], from: usize) -> Option<(usize, &str)> {
    let at = (from..words.len()).find(|&at| !is_adverb(&words[at].low) && words[at].low != ",")?;
    Some((at, words[at].low.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::words::{join, read};

    fn told(text: &str, patient: PatientIs) -> Option<String> {
        let retold = retell(&read(text, 0), patient, Pronoun::He, false)?;
        Some(join(retold.iter().map(String::as_str)))
    }

    #[test]
    fn a_patient_is_told_in_the_third_person() {
        for (said, expected) in [
            ("i'm just so tired", "the patient is just so tired"),
            ("i do n't take my lasix", "the patient does not take his Lasix"),
            ("i've never had any surgery", "the patient has never had any surgery"),
            ("my knee hurts when i walk", "the patient's knee hurts when he walks"),
            ("i usually wake up and take tylenol", "the patient usually wakes up and takes Tylenol"),
            ("it bothers me when i'm running", "it bothers the patient when he is running"),
            ("i'd like to lose weight", "the patient would like to lose weight"),
            ("i ca n't make a fist", "the patient can not make a fist"),
        ] {
            assert_eq!(told(said, PatientIs::I).as_deref(), Some(expected));
        }
    }

    #[test]
    fn what_is_not_safe_is_refused() {
        for said in ["should i take it", "we ate out a lot", "you said i have it", "i'd banana", "i banana", "i"] {
            assert_eq!(told(said, PatientIs::I), None, "{said}");
        }
    }

    #[test]
    fn a_clinician_speaks_of_the_patient() {
        for (said, expected) in [
            ("i think you're retaining fluid", "I think the patient is retaining fluid"),
            ("increase your lasix to 80 mg", "increase Lasix to 80 mg"),
            ("if your pain gets worse you can call me", "if the patient's pain gets worse he can call me"),
            ("i want to see you back in two weeks", "I want to see the patient back in two weeks"),
            ("continue to watch your diet", "continue to watch the patient's diet"),
            ("have you continue to watch it", "have the patient continue to watch it"),
        ] {
            assert_eq!(told(said, PatientIs::You).as_deref(), Some(expected));
        }
    }
}
