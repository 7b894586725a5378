//! The little grammar that is needed to turn "i take" into "takes": closed tables, so that a word outside them means
//! "not safe" and never a guess.

use crate::engine::phrases::phrases;

// Verbs whose base form says "now".
phrases! { BASE = "
    ache | agree | appreciate | ask | avoid | believe | bleed | breathe | bring | bruise | call | care | carry |
    check | clean | come | complain | continue | cook | cough | crave | cry | deal | deny | depend | do | drink |
    drive | drop | eat | enjoy | exercise | expect | experience | fall | feel | find | follow | forget | get | give
    | go | guess | handle | happen | hate | have | hear | help | hike | hold | hope | ice | injure | itch | jog |
    keep | kick | know | lack | lay | learn | leave | lie | lift | like | limp | live | lose | look | love | make |
    manage | massage | mean | measure | mind | miss | monitor | move | need | notice | own | pass | pay | pee |
    perform | pick | plan | play | practice | prefer | pull | push | reach | realize | recall | record | relax |
    rely | remember | rest | rub | run | see | seem | shake | sign | sit | skip | sleep | smoke | sneeze | snore |
    sound | speak | spend | stand | start | stay | stop | struggle | stretch | suffer | suppose | swallow | sweat |
    swim | take | talk | teach | tend | think | throw | travel | treat | try | turn | twist | understand | urinate |
    use | vomit | wait | wake | walk | want | watch | wear | weigh | wheeze | wonder | work | worry | write | show |
    report | present | remain | tolerate | receive | require | develop | return | consume | climb | bend | squeeze |
    operate | squat | step | apply | bounce
" }

// Past forms that do not end in "ed", and forms that are alike now and then.
phrases! { PAST = "
    ate | became | began | bent | bit | bled | blew | bought | broke | brought | built | burnt | came | caught |
    chose | cut | did | drank | drove | fell | felt | flew | forgot | found | gave | got | grew | had | heard | held
    | hit | hurt | kept | knew | laid | learnt | led | left | let | lost | made | meant | met | overdid | paid |
    passed | put | quit | ran | read | rode | said | sat | saw | sent | set | shook | slept | slipped | spent |
    spoke | stood | stuck | stung | swam | swore | taught | thought | threw | told | took | tore | understood | used
    | was | went | were | woke | won | wore | wrote | underwent | swelled | became | threw
" }

// Verbs that never change, or change with another verb behind them.
phrases! { MODALS = "
    can | could | will | would | should | might | may | must | had | did
" }

// What may stand between a subject and its verb.
phrases! { ADVERBS = "
    just | also | actually | really | still | usually | sometimes | always | never | only | probably | definitely |
    often | mostly | currently | already | recently | normally | typically | even | basically | generally | honestly
    | mainly | now | then | first | finally | certainly | occasionally | frequently | rarely | regularly | kind |
    sort | of | not | ever | both | all | too | hardly | barely | initially | eventually | obviously | maybe |
    literally | apparently | constantly | suddenly | previously | otherwise | consistently | primarily |
    accidentally | gradually | quickly | slowly | daily | again | well | simply | almost | usual | once
" }

pub(super) fn is_adverb(word: &str) -> bool {
    ADVERBS.is(word)
}

pub(super) fn is_base(word: &str) -> bool {
    BASE.is(word)
}

pub(super) fn is_modal(word: &str) -> bool {
    MODALS.is(word)
}

pub(super) fn is_past(word: &str) -> bool {
    PAST.is(word) || (word.len() > 4 && word.ends_with("ed") && !matches!(word, "need" | "bleed" | "feed" | "speed"))
}

/// The verb after "the patient", given the verb after "i" or "you"; nothing where that is not safe.
pub(super) fn after_patient(verb: &str) -> Option<String> {
    let changed = match verb {
        "am" | "are" | "is" => "is",
        "was" | "were" => "was",
        "have" => "has",
        "do" => "does",
        "go" => "goes",
        verb if is_modal(verb) || is_past(verb) => verb,
        verb if is_base(verb) => return Some(third_person(verb)),
        _ => return None,
    };
    Some(changed.to_owned())
}

/// The verb after "they", given the verb after "i" or "you".
pub(super) fn after_they(verb: &str) -> &str {
    match verb {
        "am" | "is" => "are",
        "was" => "were",
        verb => verb,
    }
}

fn third_person(verb: &str) -> String {
    let takes_es = ["s", "x", "z", "ch", "sh"].iter().any(|ending| verb.ends_with(ending));
    let before_y = verb.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'i', 'o', 'u']));
    match before_y {
        Some(stem) => format!("{stem}ies"),
        None if takes_es => format!("{verb}es"),
        None => format!("{verb}s"),
    }
}

/// Whether a clause with this word in it has a verb of its own, so that it can stand after "reports that".
pub(super) fn is_finite(word: &str) -> bool {
    FINITE.is(word) || is_modal(word) || is_past(word)
}

phrases! { FINITE = "
    is | are | was | were | has | have | had | does | do | did | it's | that's | there's | he's | she's | hurts | feels | goes |
    comes | gets | helps | seems | started | starts | keeps | makes | happens | looks | runs | works | bothers | varies | takes |
    lasts | gives | says | needs | wakes | depends | radiates | swells | wants | sounds | tends | becomes | means
" }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_agree_with_the_patient_or_are_refused() {
        for (given, changed) in [
            ("am", "is"),
            ("have", "has"),
            ("take", "takes"),
            ("try", "tries"),
            ("stay", "stays"),
            ("watch", "watches"),
            ("took", "took"),
            ("noticed", "noticed"),
            ("need", "needs"),
            ("can", "can"),
            ("were", "was"),
        ] {
            assert_eq!(after_patient(given).as_deref(), Some(changed));
        }
        for unknown in ["banana", "pain", ",", ""] {
            assert_eq!(after_patient(unknown), None, "{unknown}");
        }
    }
}
