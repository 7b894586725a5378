//! What the clinician is going to do, or wants the patient to do.

use super::finding::parts;
use super::lexicon::{is_drug, is_drug_name, is_test, weight};
use super::retell::{PatientIs, Pronoun, retell};
use super::verbs::{is_adverb, is_base};
use crate::engine::phrases::phrases;
use crate::engine::words::{Word, starts};

// What a clinician does to treat. "check", "do" and "get" need a test or medication behind them.
phrases! { ACTIONS = "
    order | prescribe | refer | increase | decrease | start | stop | continue | discontinue | give | put | send |
    schedule | repeat | recheck | add | change | switch | keep | place | write | obtain | see | follow | set |
    recommend | refill | hold | treat | have | draw | consider | encourage | advise | provide | request | reduce |
    taper | monitor | perform | proceed | inject | avoid | wean | bump | screen | swab | cut | try | call | contact
    | hydrate | hook | aspirate | drain | remove | immobilize | apply | reassess | reevaluate | evaluate | wait |
    restart | resume | titrate | admit | make | bring | adjust | fit | begin | initiate | defer | update | enroll |
    collect | biopsy | culture | x-ray
" }
phrases! { ACTIONS_WITH_OBJECT = "
    check | do | get | run | go | test | look | need | use | work | rule | take | move | help | find
" }

// What says that the action behind it is decided. "might" and "could" are not among them: they stay in the sentence.
phrases! { INTENTIONS = "
    want to | would like to | am going to | are going to | will | like to | need to | do want to | do need to | plan to | would want to |
    have to | do also want to | do recommend that we
" }

// Openers that say who wants and that it is wanted; the plan is what follows.
phrases! { FRAMES = "
    what i am going to do is | what i would like to do is | what i'd like to do is | what i want to do is |
    what we are going to do is | what we will do is | what i will do is | here is what we are going to do |
    what i am going to do | the plan is to | my plan is to | what i want is
" }

phrases! { TO_PATIENT = "
    i want you to | i would like you to | i'd like you to | i need you to | i want you | i will have you |
    i am going to have you | i'd want you to | i would want you to | i want to have you | we will have you |
    i would like for you to | i'd like for you to | i also want you to | i do want you to | i just want you to |
    i certainly want you to | i still want you to | i would also like you to | i'd also like you to |
    i really want you to | i would like to have you
" }

phrases! { DIRECTED = "
    you should | you can | you need to | you have to | you will need | you will | you are going to | you could |
    you must | you may | you might | you want to | you just need to | you definitely need to | you can also |
    you should also
" }

// What a plan for a patient starts with when it is just said.
phrases! { IMPERATIVES = "
    continue | take | avoid | keep | call | follow | start | stop | increase | stay | rest | ice | make | try | schedule | use |
    come | return | go | drink | limit | refrain | record | monitor | wear | apply | check | definitely | finish | elevate |
    report | bring
" }

phrases! { RECOMMENDS = "recommend | suggest | encourage | advise" }

phrases! { CONDITIONS = "if you | if your | if the | if that | if it | if we | once you | once the | once we | when you | after you" }

phrases! { ANNOUNCED = "
    we should | we need to | we can | we will | we may | we might | we could | we are going to | i will | i can | i might | i may |
    that will | this will | this should | that should | they can | they will | it will | it should | the nurse will | my nurse will
" }

phrases! { ANNOUNCED_WITHIN = "
    we should | we need to | we can | we will | we are going to | may need | might need | we could | we may | i would like to
" }

phrases! { EXPLAINS = "means | people | patients | you can see | possible causes | i know you | i know that | if you look | you can look" }

// What happens in the room next, and is no plan of treatment.
phrases! { VISIT = "
    talk a little | talk about | go over | my assessment | physical exam | take a listen | listen to your | quick exam |
    let you know what | take a look | look at your | look at some | examine you | tell you what | see what | check out your |
    ask you | press on | any questions | the note | calling out | what that means | talk to you about | have a look | review some |
    a quick physical | pull up | what does | get in here | discharge you | question for | i find | tell me | let you go | go through |
    check your heart | check your lungs | feel your | take a quick | physical on you | i can see | look here | hear about |
    glad to hear | let me | good to see | nice to meet | how are you | you can go ahead and | have a seat | get dressed | look forward | focused exam | focused foot exam | exam on
" }

/// A plan told as a note tells it; nothing where the words are no plan.
pub(super) fn told(words: &[Word], pronoun: Pronoun) -> Option<Vec<String>> {
    let words = FRAMES.at_start(words).map_or(words, |length| without_soft_start(&words[length..]));
    if VISIT.within(words) || EXPLAINS.within(words) || words.is_empty() {
        return None;
    }
    if let Some(wished) = wished(words) {
        let told = retell(wished, PatientIs::You, pronoun, true)?;
        return (!told.is_empty()).then(|| [parts("the patient is to"), told].concat());
    }
    // "i think i want to" wants; "i think we should" only thinks, and stays whole.
    let wanted = starts(words, "i think that|i think|i believe").map_or(words, |length| &words[length..]);
    if let Some(action) = own_action(wanted) {
        return retell(action, PatientIs::You, pronoun, false);
    }
    let weight = weight(words);
    let is_directed = DIRECTED.at_start(words).is_some() || IMPERATIVES.is(&words[0].low);
    if let Some((at, _)) = RECOMMENDS.first(words).filter(|(at, _)| *at <= 3 && weight >= 2.0) {
        let is_refused = words[..at].iter().any(|word| word.low == "not");
        return if is_refused { None } else { retell(&words[at..], PatientIs::You, pronoun, false) };
    }
    let is_announced =
        ANNOUNCED.at_start(words).is_some() || CONDITIONS.at_start(words).is_some() || ANNOUNCED_WITHIN.within(words);
    if (is_directed && weight >= 1.0) || (is_announced && weight >= 2.0) {
        return retell(words, PatientIs::You, pronoun, false);
    }
    None
}

/// "i want you to rest" wishes the patient to "rest".
fn wished(words: &[Word]) -> Option<&[Word]> {
    if let Some(length) = TO_PATIENT.at_start(words) {
        let rest = without_go_ahead(&words[length..]);
        let verb = rest.iter().find(|word| !is_adverb(&word.low) && !word.is_mark())?.low.as_str();
        return (is_base(verb) || verb == "be" || ACTIONS.is(verb) || IMPERATIVES.is(verb)).then_some(rest);
    }
    let length =
        starts(words, "i would like to see you|i'd like to see you|i want to see you|i would love to see you")?;
    let rest = &words[length..];
    rest.first().is_some_and(|verb| is_base(&verb.low)).then_some(rest)
}

/// "i want to go ahead and order ..." is the action from "order" on.
fn own_action(words: &[Word]) -> Option<&[Word]> {
    let opener = words.first()?.low.as_str();
    if !matches!(opener, "i" | "we" | "i'd" | "we'd" | "let's") {
        return None;
    }
    let mut rest = &words[1..];
    let mut is_intended = opener == "let's";
    loop {
        let adverbs = rest.iter().take_while(|word| is_adverb(&word.low) && word.low != "not").count();
        let after_adverbs = &rest[adverbs..];
        let shorter = match INTENTIONS.at_start(after_adverbs) {
            Some(length) => &after_adverbs[length..],
            None => without_go_ahead(after_adverbs),
        };
        if shorter.len() == rest.len() {
            break;
        }
        is_intended |= shorter.len() < after_adverbs.len();
        rest = shorter;
    }
    let verb = rest.first()?.low.as_str();
    let weight = weight(rest);
    let has_object = rest.iter().any(|word| is_drug(&word.low) || is_test(&word.low)) || weight >= 3.0;
    let is_action = ACTIONS.is(verb) || (ACTIONS_WITH_OBJECT.is(verb) && has_object);
    // "prescribe one medicine" and "contact you" say too little.
    let says_something = (weight >= 1.0 && rest.len() >= 4)
        || rest.iter().any(|word| is_drug_name(&word.low) || is_test(&word.low))
        || rest.len() >= 5;
    (is_intended && is_action && says_something && rest.len() >= 2).then_some(rest)
}

fn without_go_ahead(words: &[Word]) -> &[Word] {
    starts(words, "go ahead and|go ahead , and|just go ahead and|go on and|also|just")
        .map_or(words, |length| &words[length..])
}

fn without_soft_start(words: &[Word]) -> &[Word] {
    let start = words.iter().position(|word| !word.is_mark() && word.low != "is").unwrap_or(words.len());
    &words[start..]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::words::{join, read};

    fn plan(text: &str) -> Option<String> {
        told(&read(text, 0), Pronoun::She).map(|words| join(words.iter().map(String::as_str)))
    }

    #[test]
    fn a_plan_is_told_by_what_is_done() {
        for (said, expected) in [
            ("i wan na go ahead and increase your lasix to 80 mg once a day", "increase Lasix to 80 mg once a day"),
            ("i want you to weigh yourself every day", "the patient is to weigh herself every day"),
            ("i'm gon na order an mri of your left shoulder", "order an MRI of the patient's left shoulder"),
            ("let's go ahead and get a lipid panel", "get a lipid panel"),
            (
                "i also wan na start you on some lasix , 20 milligrams a day",
                "start the patient on some Lasix, 20 milligrams a day",
            ),
            ("i'd like to see you back in two weeks", "see the patient back in two weeks"),
            ("you can take ibuprofen for pain", "the patient can take ibuprofen for pain"),
        ] {
            assert_eq!(plan(said).as_deref(), Some(expected));
        }
    }

    #[test]
    fn talk_about_the_visit_and_refusals_are_no_plan() {
        for said in [
            "i'm gon na go ahead and do a quick physical exam",
            "i do n't want to start you on lasix",
            "let's talk a little bit about my assessment",
            "i like wine",
        ] {
            assert_eq!(plan(said), None, "{said}");
        }
    }
}
