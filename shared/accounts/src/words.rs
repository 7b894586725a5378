use kernel::{Email, Phi};
use model::user::WORDS_INDEX;
use vault::BlindIndex;

/// What an account is found by: beginnings of the words of its address and name, as hashes. Whoever writes one of the
/// two writes these too.
pub fn search_words(index: &BlindIndex, name: &Phi<String>, email: &Email) -> Vec<String> {
    // The address first: of a very long name the last words are left out.
    index.tokens(WORDS_INDEX, &format!("{} {}", email.disclose(), name.disclose()))
}
