//! A clinician's question and the patient's answer, told as one sentence. Only where question and answer leave no doubt:
//! a plain "no" to named symptoms is a denial; what is in between is quoted.

use super::finding::{Draft, Finding, Topic, parts};
use super::leads::without_lead;
use super::lexicon::{is_body, is_condition, is_drug, is_symptom, weight};
use super::patient::{is_fragment, tells_time};
use super::reply::{Reply, reply};
use super::retell::{PatientIs, Pronoun, retell};
use super::topics::topic;
use super::verbs::{after_patient, is_adverb};
use crate::engine::phrases::phrases;
use crate::engine::support;
use crate::engine::words::{Word, has_at, quote};

// Ways to ask for something to be had or felt. The longest that fits counts.
phrases! { ASKS_FOR = "
    have you had any | have you had | do you have any | do you have | did you have any | did you have |
    are you having any | are you having | have you been having any | have you been having | have you noticed any |
    have you noticed | have you experienced any | have you experienced | are you experiencing any |
    are you experiencing | do you feel any | any | is there any | was there any | were there any | are there any |
    do you get any | do you get | did you notice any | did you notice | were you having any | were you having |
    had you had any | have you ever had any | have you ever had | do you notice any | do you notice |
    do you experience any | how about any | how about | what about any | what about | no | have you felt any |
    are you feeling any | with any | have you got any | do you have a history of |
    do you have any history of | have you had any recent | have you also had any | do you also have any |
    do you ever have any | do you ever have | do you ever get
" }

phrases! { ASKS_FEELING = "
    do you feel | are you feeling | have you felt | have you been feeling | did you feel | were you feeling |
    do you ever feel
" }

// What stands between the question and the thing asked for.
phrases! { CATEGORIES = "
    other symptoms like | other symptoms such as | symptoms like | symptoms such as | symptoms , like |
    other symptoms , like | things like | like | other symptoms | kind of | type of | any | of that | issues like |
    signs of | a | an | the
" }

// What ends a question without naming anything.
phrases! { TAILS = "
    or anything like that | anything like that | and things like that | or things like that | or anything | at all |
    or no | that you have noticed | that you know of | and all that | stuff like that | or something like that |
    or not | or any of that | and stuff | anything else | with that | or anything else | and anything like that |
    and that kind of thing | and that sort of thing | like that | or
" }

/// Tells question and answer, if that is safe, and says how many of the answer's words that used up. `answer` is its
/// first clause, `after` what the patient says next.
pub(super) fn told(question: &[Word], answer: &[Word], after: &[Word], pronoun: Pronoun) -> Option<(Finding, usize)> {
    let asked = without_lead(question);
    let goes_back = matches!(after.first().map(|word| word.low.as_str()), Some("but" | "except" | "only" | "although"));
    if asked.is_empty() || answer.is_empty() || goes_back {
        return None;
    }
    match reply(answer) {
        Reply::No(used) if !takes_back(asked, &answer[used..]) && !takes_back(asked, after) => {
            denied(asked, &answer[..used], pronoun).map(|finding| (finding, used))
        }
        Reply::Yes(used) => affirmed(asked, &answer[..used], pronoun).map(|finding| (finding, used)),
        _ => None,
    }
}

/// Whether what follows the no names again, and does not negate, what was asked for.
fn takes_back(asked: &[Word], rest: &[Word]) -> bool {
    let names =
        |word: &&Word| is_symptom(&word.low) || is_condition(&word.low) || is_body(&word.low) || is_drug(&word.low);
    let repeats = rest.iter().filter(names).any(|word| asked.iter().any(|other| other.low == word.low));
    repeats && support::negations(rest) == 0
}

fn denied(asked: &[Word], answer: &[Word], pronoun: Pronoun) -> Option<Finding> {
    let negated_question = support::negations(asked) - usize::from(asked[0].low == "no");
    if negated_question > 0 {
        return None;
    }
    if let Some(thing) = thing_asked_for(asked, pronoun) {
        let frame = if pronoun == Pronoun::Unclear { "denied :" } else { "the patient denies" };
        let draft = Draft::new(exchange_topic(asked), [parts(frame), thing].concat(), asked);
        return draft.resting_on(answer).finish_with(1);
    }
    let (auxiliary, rest) = action(asked, pronoun).filter(|_| pronoun != Pronoun::Unclear)?;
    let negated = match auxiliary {
        "do" => "does not",
        "did" => "did not",
        "are" => "is not",
        "were" => "was not",
        "have" => "has not",
        "had" => "had not",
        "can" => "cannot",
        _ => return None,
    };
    let text = [parts("the patient"), parts(negated), rest].concat();
    Draft::new(exchange_topic(asked), text, asked).resting_on(answer).finish_with(1)
}

fn affirmed(asked: &[Word], answer: &[Word], pronoun: Pronoun) -> Option<Finding> {
    // "a or b ?" "yes" says too little.
    let is_list = asked.iter().any(|word| word.low == "or" || word.low == ",");
    if support::negations(asked) > 0 || is_list {
        return None;
    }
    if pronoun == Pronoun::Unclear {
        return None;
    }
    if let Some(mut thing) = thing_asked_for(asked, pronoun) {
        thing.retain(|word| word != "any");
        let draft = Draft::new(exchange_topic(asked), [parts("the patient reports"), thing].concat(), asked);
        return draft.resting_on(answer).finish();
    }
    // "do you take anything ?" "yes" does not say what.
    let (auxiliary, mut rest) =
        action(asked, pronoun).filter(|(_, rest)| !rest.iter().any(|word| word.starts_with("any") && word != "any"))?;
    rest.retain(|word| word != "any" && word != "ever");
    let told = match auxiliary {
        "do" => {
            let verb = rest.iter().position(|word| !is_adverb(word))?;
            rest[verb] = after_patient(&rest[verb])?;
            ""
        }
        "did" => "did",
        "are" => "is",
        "were" => "was",
        "have" => "has",
        "had" => "had",
        "can" => "can",
        _ => return None,
    };
    let text = [parts("the patient"), parts(told), rest].concat();
    Draft::new(exchange_topic(asked), text, asked).resting_on(answer).finish()
}

fn exchange_topic(asked: &[Word]) -> Topic {
    match topic(asked, &[]) {
        Topic::History => Topic::Review,
        other => other,
    }
}

/// "have you had a fever or chills" asks for "fever or chills".
fn thing_asked_for(asked: &[Word], pronoun: Pronoun) -> Option<Vec<String>> {
    let feeling = ASKS_FEELING.at_start(asked);
    let bare = asked.iter().all(|word| {
        word.is_mark()
            || is_symptom(&word.low)
            || is_condition(&word.low)
            || is_body(&word.low)
            || matches!(word.low.as_str(), "or" | "and" | "of" | "any")
    });
    let start = match feeling.or_else(|| ASKS_FOR.at_start(asked)) {
        Some(length) => length,
        None if bare => 0,
        None => return None,
    };
    let mut thing = &asked[start..];
    loop {
        let is_category =
            thing.first().is_some_and(|word| word.low == "symptoms") && thing.get(1).is_some_and(Word::is_mark);
        match CATEGORIES.at_start(thing) {
            // "any other symptoms ?" asks for just that.
            Some(length) if thing.len() > length => thing = &thing[length..],
            None if is_category || thing.first().is_some_and(Word::is_mark) => thing = &thing[1..],
            _ => break,
        }
    }
    thing = without_tail(thing);
    let names = thing.iter().any(|word| is_symptom(&word.low) || is_condition(&word.low) || is_drug(&word.low));
    let is_clean = !thing.iter().any(|word| MUDDLES.is(&word.low));
    // "any blood ?" asks for what was talked about before.
    let is_bare = matches!(thing, [only] if matches!(only.low.as_str(), "blood" | "symptoms" | "pain" | "burning" | "heart" | "sleep"));
    if thing.is_empty() || thing.len() > 18 || !names || !is_clean || is_bare {
        return None;
    }
    let told = retell(thing, PatientIs::You, pronoun, true)?;
    Some(if feeling.is_some() { [parts("feeling"), told].concat() } else { told })
}

// Words of another sentence or of talk about the talk.
phrases! { MUDDLES = "
    i | me | we | us | do | did | how | what | is | does | was | have | okay | questions | are | said | anybody | who | that | which | would
" }

fn without_tail(thing: &[Word]) -> &[Word] {
    let mut thing = thing;
    loop {
        while thing.last().is_some_and(Word::is_mark) {
            thing = &thing[..thing.len() - 1];
        }
        let tail = (0..thing.len()).find(|&at| TAILS.at(thing, at).is_some_and(|length| at + length == thing.len()));
        match tail {
            Some(at) => thing = &thing[..at],
            None => return thing,
        }
    }
}

/// "are you taking your lasix": the auxiliary, and what follows the subject.
fn action(asked: &[Word], pronoun: Pronoun) -> Option<(&str, Vec<String>)> {
    let auxiliary = asked[0].low.as_str();
    if asked.get(1)?.low != "you" || !matches!(auxiliary, "do" | "did" | "are" | "were" | "have" | "had" | "can") {
        return None;
    }
    phrases! { OPINION = "
        think | know | remember | mean | see | understand | want | mind | say | guess | feel like | recall | okay | ready |
        sure | questions | good | doing | excited | what | how | when i | where | why | which | who | or | show me |
        tell me | point | bend | lift | squeeze | you said | you told | you mentioned | i think | i thought | you were saying
    " }
    let rest = without_tail(&asked[2..]);
    if rest.is_empty() || rest.len() > 22 || weight(rest) < 1.5 || OPINION.within(rest) {
        return None;
    }
    let told = retell(rest, PatientIs::You, pronoun, true)?;
    Some((auxiliary, told))
}

/// "how long" and "a week": the answer under the question's name.
pub(super) fn named(question: &[Word], answer: &[Word], pronoun: Pronoun) -> Option<Finding> {
    let asked = without_lead(question);
    let said = without_lead(answer);
    let name = [
        ("how long", "duration :"),
        ("how often", "frequency :"),
        ("how frequently", "frequency :"),
        ("when did", "onset :"),
    ]
    .into_iter()
    .find(|(form, _)| has_at(asked, 0, form));
    let (_, name) = name.filter(|_| is_fragment(said) && tells_time(said) && said.len() <= 25)?;
    let told = retell(said, PatientIs::I, pronoun, true)?;
    // The question names what lasts; without a clinical word in it the name alone would mislead.
    let draft = Draft::new(Topic::History, [parts(name), told].concat(), said);
    draft.resting_on(asked).finish()
}

/// Question and answer word for word, where both are short and one of them says something clinical.
pub(super) fn quoted(question: &[Word], answer: &[Word], pronoun: Pronoun) -> Option<Finding> {
    let asked = without_lead(question);
    let said = without_lead_but_keep_yes(answer);
    let is_short = (2..=22).contains(&asked.len()) && (1..=30).contains(&said.len());
    // What was asked for by name belongs into the note with whatever was answered.
    let is_worth_it =
        thing_asked_for(asked, pronoun).is_some() || (weight(asked) >= 2.0 && weight(asked) + weight(said) >= 5.0);
    if !is_short || !is_worth_it || is_process(asked) {
        return None;
    }
    let text = [
        parts("asked"),
        vec![format!("\"{}?\"", quote(asked)), ",".to_owned()],
        parts(if pronoun == Pronoun::Unclear { "the answer was" } else { "the patient answered" }),
        vec![format!("\"{}.\"", quote(said))],
    ]
    .concat();
    let topic = exchange_topic(asked);
    let topic = if topic == Topic::Review { Topic::History } else { topic };
    Draft::new(topic, text, asked).telling(said).finish()
}

fn without_lead_but_keep_yes(answer: &[Word]) -> &[Word] {
    let start = answer
        .iter()
        .position(|word| !word.is_mark() && !matches!(word.low.as_str(), "so" | "well" | "and" | "okay"))
        .unwrap_or(answer.len());
    &answer[start..]
}

/// Talk that keeps the visit going.
fn is_process(asked: &[Word]) -> bool {
    phrases! { PROCESS = "
        question | questions | how are you | going on | can you | could you | ready | mind if | sound | how about |
        does this | does that | does it hurt | it hurt when | hurt when | about now | right here | how did | show me | remind me | when i | feel like | feel me
    " }
    PROCESS.within(asked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::words::read;

    fn tell(question: &str, answer: &str) -> Option<String> {
        let (question, answer) = (read(question, 0), read(answer, 1));
        told(&question, &answer, &[], Pronoun::Unknown).map(|(finding, _)| finding.text)
    }

    #[test]
    fn plain_answers_to_plain_questions_are_told() {
        for (question, answer, expected) in [
            ("have you had a fever or chills", "no", "The patient denies fever or chills."),
            (
                "okay , and any chest pain , or anything like that",
                "no , nothing like that",
                "The patient denies chest pain.",
            ),
            ("do you feel short of breath", "nope", "The patient denies feeling short of breath."),
            ("nausea , vomiting , diarrhea", "no", "The patient denies nausea, vomiting, diarrhea."),
            ("are you taking your medications", "yes , i am", "The patient is taking their medications."),
            ("do you smoke cigarettes", "yes", "The patient smokes cigarettes."),
            ("have you ever had any surgery", "no", "The patient denies surgery."),
            ("are you taking lisinopril", "no , i'm not", "The patient is not taking lisinopril."),
        ] {
            assert_eq!(tell(question, answer).as_deref(), Some(expected));
        }
    }

    #[test]
    fn doubt_is_not_told() {
        for (question, answer) in [
            ("do you have fever or chills", "yes"),
            ("do you have chest pain", "no , just a little"),
            ("do you have chest pain", "no , a slight pain at night"),
            ("you do n't have a fever", "no"),
            ("do you not have pain", "no"),
            ("how are you", "no"),
            ("do you have chest pain", "maybe"),
            ("do you have chest pain", "i do n't know"),
        ] {
            assert_eq!(tell(question, answer), None, "{question} / {answer}");
        }
    }
}
