//! Where in a note something that was told belongs.

use super::finding::Topic;
use super::lexicon::{is_body, is_condition, is_drug, is_family, is_social, is_symptom};
use crate::engine::phrases::phrases;
use crate::engine::words::Word;

phrases! { ALLERGY = "allergic | allergic to | drug allergies | medication allergies | food allergies | any allergies" }
phrases! { SEASONAL = "congestion | pollen | seasonal | dust" }
phrases! { FAMILY = "family history | runs in | run in | in your family | in my family | history of any family" }
phrases! { MENTAL = "
    depression | depressed | anxiety | therapist | psychiatrist | psychologist | counseling | counselor | suicidal | bipolar |
    panic attacks | harming yourself | hurt yourself | hurting yourself | mental health | in therapy | schizophrenia
" }
phrases! { EARLIER = "
    surgery | surgeries | operation | hospitalized | diagnosed | transplant | history of | was a kid | years ago | removed |
    when i was | as a child
" }
phrases! { TAKES = "
    take | takes | taking | took | taken | use | using | used | on | prescribed | started | stopped | tried | gave me | put me on
" }
phrases! { LIVES = "
    for a living | for work | kind of work | do you smoke | do you drink | alcohol | you smoke | you drink | living situation |
    who do you live | do for fun
" }

/// Where a statement belongs, told by its words and by the question that it answers.
pub(super) fn topic(words: &[Word], asked: &[Word]) -> Topic {
    let any = |test: fn(&str) -> bool| words.iter().any(|word| test(&word.low));
    let is_ill = any(is_condition) || any(is_symptom);
    if (ALLERGY.within(words) || ALLERGY.within(asked)) && !SEASONAL.within(words) {
        return Topic::Allergies;
    }
    if FAMILY.within(words) || FAMILY.within(asked) || (any(is_family) && any(is_condition)) {
        return Topic::Family;
    }
    if MENTAL.within(words) || MENTAL.within(asked) {
        return Topic::Psychiatric;
    }
    if EARLIER.within(words) && (is_ill || any(is_body)) {
        return Topic::PastMedical;
    }
    if any(is_drug) && TAKES.within(words) {
        return Topic::Medications;
    }
    let is_habit = any(is_social) && !any(is_symptom);
    if is_habit || LIVES.within(words) || LIVES.within(asked) {
        return Topic::Social;
    }
    Topic::History
}
