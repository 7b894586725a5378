//! What Google heard, in segments.

use connect::speech::{Progress, Segment, SpeechError, Transcript};
use google_cloud_gax::error::rpc::Code;
use google_cloud_longrunning::model::{Operation, operation};
use google_cloud_speech_v2::model::batch_recognize_file_result::Result as FileResult;
use google_cloud_speech_v2::model::{
    BatchRecognizeFileResult, BatchRecognizeResponse, OperationMetadata, SpeechRecognitionAlternative,
    SpeechRecognitionResult, WordInfo,
};
use google_cloud_wkt::Duration;
use kernel::Phi;

use super::failure::of_code;

/// How far an operation is, or what came of it.
pub(super) fn progress(operation: Operation) -> Result<Progress, SpeechError> {
    if !operation.done {
        let metadata = operation.metadata.and_then(|any| any.to_msg::<OperationMetadata>().ok());
        let percent = metadata.and_then(|metadata| u8::try_from(metadata.progress_percent.clamp(0, 100)).ok());
        return Ok(Progress::Running { percent });
    }
    match operation.result {
        Some(operation::Result::Response(answer)) => {
            let answer = answer.to_msg::<BatchRecognizeResponse>();
            let answer = answer.map_err(|_| SpeechError::NotUnderstood("it is none of BatchRecognize"))?;
            let mut files = answer.results.into_values();
            match (files.next(), files.next()) {
                (Some(file), None) => Ok(Progress::Done(of_file(file)?)),
                _ => Err(SpeechError::NotUnderstood("it is not about one recording")),
            }
        }
        Some(operation::Result::Error(status)) => Err(of_code(Code::from(status.code))),
        _ => Err(SpeechError::NotUnderstood("the operation is done without a result")),
    }
}

fn of_file(file: BatchRecognizeFileResult) -> Result<Transcript, SpeechError> {
    if let Some(status) = file.error.filter(|status| status.code != 0) {
        return Err(of_code(Code::from(status.code)));
    }
    match file.result {
        // Where nothing was said, there is no transcript in it.
        Some(FileResult::InlineResult(inline)) => {
            Ok(transcript(inline.transcript.map(|heard| heard.results).unwrap_or_default()))
        }
        _ => Err(SpeechError::NotUnderstood("it has no result in it")),
    }
}

/// The segments of consecutive results: a new one with each result and with each change of speaker.
pub(super) fn transcript(results: Vec<SpeechRecognitionResult>) -> Transcript {
    let mut segments = Vec::new();
    let mut begins = 0;
    for result in results {
        let ends = result.result_end_offset.as_ref().map(millis);
        if let Some(best) = result.alternatives.into_iter().next() {
            segments.extend(segments_of(best, begins, ends));
        }
        begins = ends.unwrap_or_else(|| segments.last().map_or(begins, |last: &Segment| last.end_ms)).max(begins);
    }
    Transcript { segments, is_simulated: false }
}

fn segments_of(heard: SpeechRecognitionAlternative, begins: u64, ends: Option<u64>) -> Vec<Segment> {
    // Zero is Google's word for "not set".
    let confidence = (heard.confidence > 0.0).then_some(heard.confidence.min(1.0));
    let turns: Vec<&[WordInfo]> = heard.words.chunk_by(|one, next| one.speaker_label == next.speaker_label).collect();
    let texts = match turns.len() {
        0 | 1 => vec![heard.transcript.trim().to_owned()],
        _ => texts_of(&heard.transcript, &turns),
    };
    let mut segments = Vec::with_capacity(texts.len());
    let mut start = begins;
    for (number, text) in texts.into_iter().enumerate() {
        let words = turns.get(number).copied().unwrap_or_default();
        let start_ms = words.first().and_then(begin_of).unwrap_or(start);
        let end_ms = words.last().and_then(|word| word.end_offset.as_ref()).map(millis).or(ends).unwrap_or(start_ms);
        let end_ms = end_ms.max(start_ms);
        start = end_ms;
        let label = words.first().map(|word| word.speaker_label.clone()).unwrap_or_default();
        let speaker = Some(label).filter(|label| !label.is_empty());
        if !text.is_empty() {
            segments.push(Segment { start_ms, end_ms, speaker, text: Phi::new(text), confidence });
        }
    }
    segments
}

/// When a word begins. At the very beginning Google leaves the zero out.
fn begin_of(word: &WordInfo) -> Option<u64> {
    match (&word.start_offset, &word.end_offset) {
        (Some(start), _) => Some(millis(start)),
        (None, Some(_)) => Some(0),
        (None, None) => None,
    }
}

/// What each turn says, cut out of the transcript, which has the spaces as the language has them; put together of its
/// words where they are not in the transcript.
fn texts_of(transcript: &str, turns: &[&[WordInfo]]) -> Vec<String> {
    cut(transcript, turns).unwrap_or_else(|| {
        let words = |turn: &&[WordInfo]| turn.iter().map(|word| word.word.trim()).collect::<Vec<_>>().join(" ");
        turns.iter().map(words).collect()
    })
}

fn cut(transcript: &str, turns: &[&[WordInfo]]) -> Option<Vec<String>> {
    let mut starts = Vec::with_capacity(turns.len());
    let mut at = 0;
    for turn in turns {
        for (number, word) in turn.iter().enumerate() {
            let found = at + transcript[at..].find(&word.word)?;
            if number == 0 {
                starts.push(found);
            }
            at = found + word.word.len();
        }
    }
    // What stands before the first word belongs to it.
    if let Some(first) = starts.first_mut() {
        *first = 0;
    }
    let ends = starts.iter().copied().skip(1).chain([transcript.len()]);
    Some(starts.iter().zip(ends).map(|(&start, end)| transcript[start..end].trim().to_owned()).collect())
}

fn millis(offset: &Duration) -> u64 {
    let millis = offset.seconds().saturating_mul(1_000).saturating_add(i64::from(offset.nanos()) / 1_000_000);
    u64::try_from(millis).unwrap_or(0)
}
