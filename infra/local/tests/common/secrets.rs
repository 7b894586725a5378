//! What must stand nowhere in clear, and looking for it.
#![allow(dead_code, unreachable_pub, clippy::allow_attributes, reason = "each test file uses a part of this")]

use std::path::Path;

/// What must appear nowhere, in any case and in base64 as a cautious attacker would look for it.
pub const SECRETS: [&str; 9] = [
    "canary",
    "finch",
    "canary finch",
    "15550142877",
    "chirpingcough",
    "yellowfever",
    "songbird-password",
    "nightingale lane",
    "canary@example.com",
];

/// Looks at every file's name and bytes in a folder, however deep. Answers how many files there are.
pub fn nowhere_in_folder(folder: &Path) -> usize {
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        nowhere_in("a file's name", name.as_bytes());
        if path.is_dir() {
            files += nowhere_in_folder(&path);
        } else {
            nowhere_in(&name, &std::fs::read(&path).unwrap());
            files += 1;
        }
    }
    files
}

/// Fails where a secret stands here.
pub fn nowhere_in(place: &str, bytes: &[u8]) {
    let found = secrets_in(bytes);
    assert!(found.is_empty(), "in {place}: {found:?}");
}

/// The secrets that stand here, with how.
pub fn secrets_in(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let lower = text.to_ascii_lowercase();
    let mut found = Vec::new();
    for secret in SECRETS {
        found.extend(lower.contains(secret).then(|| secret.to_owned()));
        let encoded = in_base64(secret).into_iter().find(|encoded| text.contains(encoded));
        found.extend(encoded.map(|encoded| format!("{secret} in base64, as {encoded}")));
    }
    found
}

/// The inner characters of a text's base64 at each of the three alignments.
fn in_base64(text: &str) -> Vec<String> {
    use base64::Engine;
    let capital = text[..1].to_uppercase() + &text[1..];
    let words: Vec<String> = text.split(' ').map(|word| word[..1].to_uppercase() + &word[1..]).collect();
    let mut all = Vec::new();
    for word in [text.to_owned(), capital, words.join(" ")] {
        for shift in 0..3 {
            let padded = format!("{}{word}", "x".repeat(shift));
            let encoded = base64::engine::general_purpose::STANDARD_NO_PAD.encode(padded);
            let inner = &encoded[(shift * 4).div_ceil(3)..encoded.len() - 2];
            // Shorter ones turn up in ciphertext by chance.
            if inner.len() >= 7 {
                all.push(inner.to_owned());
            }
        }
    }
    all
}
