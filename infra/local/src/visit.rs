use anyhow::Context;

/// Who says a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaker {
    Doctor,
    Patient,
}

/// One turn of a visit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Turn {
    pub(crate) speaker: Speaker,
    pub(crate) text: String,
}

/// A recorded visit.
#[derive(Debug)]
pub(crate) struct Visit {
    pub(crate) id: String,
    pub(crate) turns: Vec<Turn>,
}

/// One visit of ACI-BENCH (CC BY 4.0; the citation is in `data/README.md`).
const VISIT: &str = include_str!("../data/visit.csv");

/// The visit that ships with the program.
pub(crate) fn shipped() -> anyhow::Result<Visit> {
    parse(VISIT)
}

fn parse(text: &str) -> anyhow::Result<Visit> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let headers = reader.headers()?.clone();
    let row = reader.records().next().context("the visit's file has no row")??;
    let column = |name: &str| {
        let index = headers.iter().position(|header| header == name);
        index.and_then(|index| row.get(index)).with_context(|| format!("the visit's file has no column {name}"))
    };
    let turns = column("dialogue")?;
    Ok(Visit { id: column("encounter_id")?.to_owned(), turns: turns_of(turns) })
}

/// `[doctor] ..` and `[patient] ..` begin turns; a line without a tag goes on with the one before.
fn turns_of(dialogue: &str) -> Vec<Turn> {
    let mut turns: Vec<Turn> = Vec::new();
    for line in dialogue.lines() {
        let tagged = [("[doctor]", Speaker::Doctor), ("[patient]", Speaker::Patient)]
            .into_iter()
            .find_map(|(tag, speaker)| line.strip_prefix(tag).map(|text| (speaker, text)));
        match (tagged, turns.last_mut()) {
            (Some((speaker, text)), _) => turns.push(Turn { speaker, text: text.trim().to_owned() }),
            (None, Some(last)) => {
                last.text.push(' ');
                last.text.push_str(line.trim());
            }
            (None, None) => {}
        }
    }
    turns.retain(|turn| !turn.text.is_empty());
    turns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_visit_is_a_conversation() {
        let visit = shipped().unwrap();
        assert!(visit.turns.len() > 20);
        assert!(visit.turns.iter().any(|turn| turn.speaker == Speaker::Patient));
    }

    #[test]
    fn a_line_without_a_tag_goes_on() {
        let turns = turns_of("[doctor] a .\nb .\n[patient] c\n[doctor] \n");
        assert_eq!(turns.len(), 2);
        assert_eq!(turns[0].text, "a . b .");
    }
}
