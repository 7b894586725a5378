use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// One block of a PEM text: its label (`PRIVATE KEY`) and its content; `None` where the content is no base64.
pub(super) struct Block<'a> {
    pub(super) label: &'a str,
    pub(super) content: Option<Zeroizing<Vec<u8>>>,
}

/// All blocks of a PEM text (RFC 7468), whatever stands between them.
pub(super) fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, begun)) = rest.split_once("-----BEGIN ") {
        let Some((label, body)) = begun.split_once("-----") else { break };
        let Some((encoded, after)) = body.split_once(&format!("-----END {label}-----")) else {
            found.push(Block { label, content: None });
            break;
        };
        let joined = Zeroizing::new(encoded.split_whitespace().collect::<String>());
        found.push(Block { label, content: STANDARD.decode(joined.as_str()).ok().map(Zeroizing::new) });
        rest = after;
    }
    found
}

/// A PEM text of one block.
pub(super) fn encode(label: &str, content: &[u8]) -> Zeroizing<String> {
    let encoded = Zeroizing::new(STANDARD.encode(content));
    let mut text = Zeroizing::new(format!("-----BEGIN {label}-----\n"));
    for (index, character) in encoded.chars().enumerate() {
        if index > 0 && index % 64 == 0 {
            text.push('\n');
        }
        text.push(character);
    }
    text.push_str(&format!("\n-----END {label}-----\n"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_come_back() {
        let content: Vec<u8> = (0..=200).collect();
        let text = format!("# note\n{}\r\n{}", encode("A B", &content).as_str(), encode("C", b"x").as_str());
        let found = blocks(&text);
        assert_eq!(found.iter().map(|b| b.label).collect::<Vec<_>>(), ["A B", "C"]);
        assert_eq!(found[0].content.as_ref().unwrap().as_slice(), content);
        assert!(text.lines().all(|line| line.len() <= 64));
    }

    #[test]
    fn wrong_text_gives_no_content() {
        assert!(blocks("").is_empty());
        assert!(blocks("-----BEGIN X").is_empty());
        assert!(blocks("-----BEGIN X-----\nAAAA").iter().all(|b| b.content.is_none()));
        assert!(blocks("-----BEGIN X-----\n*\n-----END X-----").iter().all(|b| b.content.is_none()));
    }
}
