//! Speech recognition swaps the speakers of a stretch now and then. What is said mostly tells a clinician from a
//! patient, so the likeliest course of swaps over the whole conversation is found (Viterbi over two states).

use super::clauses::Utterance;
use crate::engine::Speaker;
use crate::engine::phrases::{Phrases, phrases};
use crate::engine::words::Word;

// What clinicians say, by how surely only they say it.
phrases! { CLINICIAN_SURELY = "
    want you to | like you to | assessment and | physical examination | hey dragon | hey , dragon | do appreciate |
    not appreciate | refer you | take a deep breath | does that hurt | how can i help | what brings you | put you on
    | start you on | auscultation
" }
phrases! { CLINICIAN_LIKELY = "
    physical exam | prescribe | going to order | do you have any | have you had | have you been | have you noticed |
    are you taking | are you having | do you take | do you feel | do you smoke | your blood pressure | your pain |
    your vital signs | your lungs | your heart | does it hurt | going to listen | see you back | follow up with me |
    year old | palpation | does that sound | any questions | your knee | your shoulder | your back | let's go ahead
    | are you able to | how long have you
" }
phrases! { CLINICIAN_MAYBE = "
    order | on your | for your | take a look | tell me about | give you | go ahead and | milligrams | any pain |
    you should | you need to
" }
// What patients say, likewise.
phrases! { PATIENT_SURELY = "
    thanks doctor | thank you doctor | thanks doc
" }
phrases! { PATIENT_LIKELY = "
    my wife | my husband | my knee | my back | my shoulder | my stomach | my chest | my throat | my pain | my hand |
    my mom | my dad | my doctor | my blood pressure | my right | my left | my foot | my ankle | i take |
    i have been having | i have been taking | i hurt | bothers me | bothering me | i drink | i smoke | should i |
    will i | my job
" }
phrases! { PATIENT_MAYBE = "
    i feel | hurts | i was | i have had | can i | i did not | i can not | i work | i get | i noticed
" }

/// What a change between "as labelled" and "swapped" costs, in the cues' measure.
const CHANGE: f32 = 6.0;

/// What it costs to hold an utterance for swapped at all: labels are right far more often than wrong.
const DOUBT: f32 = 0.25;

/// Gives every utterance its likeliest speaker. Others than clinician and patient keep their label.
pub(super) fn settle(utterances: &mut [Utterance]) {
    // Per utterance: the best score that ends as labelled and swapped, and which state each came from.
    let mut best = [0.0_f32, -CHANGE];
    let mut came_from = Vec::with_capacity(utterances.len());
    for utterance in utterances.iter() {
        let leaning = leaning(utterance);
        let stay_or_change = |state: usize| {
            let other = 1 - state;
            if best[state] >= best[other] - CHANGE { (best[state], state) } else { (best[other] - CHANGE, other) }
        };
        let (labelled, labelled_from) = stay_or_change(0);
        let (swapped, swapped_from) = stay_or_change(1);
        came_from.push([labelled_from, swapped_from]);
        best = [labelled + leaning, swapped - leaning - DOUBT];
    }
    let mut state = usize::from(best[1] > best[0]);
    for (utterance, from) in utterances.iter_mut().zip(came_from).rev() {
        if state == 1 {
            utterance.speaker = match utterance.speaker {
                Speaker::Clinician => Speaker::Patient,
                Speaker::Patient => Speaker::Clinician,
                Speaker::Other => Speaker::Other,
            };
        }
        state = from[state];
    }
}

/// How much what is said speaks for the label (above zero) or against it.
fn leaning(utterance: &Utterance) -> f32 {
    let score: f32 = utterance.clauses.iter().map(|clause| for_clinician(&clause.words)).sum();
    let score = score.clamp(-6.0, 6.0);
    match utterance.speaker {
        Speaker::Clinician => score,
        Speaker::Patient => -score,
        Speaker::Other => 0.0,
    }
}

/// How much the words sound like a clinician (above zero) or a patient.
fn for_clinician(words: &[Word]) -> f32 {
    let score = |surely: &Phrases, likely: &Phrases, maybe: &Phrases, at: usize| -> f32 {
        let says = |cues: &Phrases, score: f32| if cues.at(words, at).is_some() { score } else { 0.0 };
        says(surely, 3.0) + says(likely, 2.0) + says(maybe, 0.8)
    };
    (0..words.len())
        .map(|at| {
            score(&CLINICIAN_SURELY, &CLINICIAN_LIKELY, &CLINICIAN_MAYBE, at)
                - score(&PATIENT_SURELY, &PATIENT_LIKELY, &PATIENT_MAYBE, at)
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::extractive::clauses::clauses;
    use crate::engine::words::read;

    fn settled(talk: &[(Speaker, &str)]) -> Vec<Speaker> {
        let utterance = |&(speaker, text): &(Speaker, &str)| Utterance { speaker, clauses: clauses(read(text, 0)) };
        let mut utterances: Vec<Utterance> = talk.iter().map(utterance).collect();
        settle(&mut utterances);
        utterances.iter().map(|utterance| utterance.speaker).collect()
    }

    use Speaker::{Clinician, Patient};

    #[test]
    fn a_stretch_of_swapped_speakers_is_put_right() {
        let talk = [
            (Clinician, "do you have any pain in your knee"),
            (Patient, "yes my knee hurts and i take advil"),
            (Patient, "okay have you had any swelling , have you been taking anything for your pain"),
            (Clinician, "i have n't"),
            (Patient, "i'm gon na order an mri and refer you to physical therapy and i want you to rest"),
            (Clinician, "thanks doctor"),
        ];
        assert_eq!(settled(&talk), [Clinician, Patient, Clinician, Patient, Clinician, Patient]);
    }

    #[test]
    fn labels_stand_without_strong_reason() {
        let talk = [(Clinician, "hello there"), (Patient, "and you ?"), (Clinician, "my knee hurts too , haha")];
        assert_eq!(settled(&talk), [Clinician, Patient, Clinician]);
    }
}
