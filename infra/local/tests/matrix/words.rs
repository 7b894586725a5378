//! What the people of a scene are called and say: words by which an answer, a log line or a stored byte gives them away.

/// The free texts of a scene.
#[derive(Debug, Clone)]
pub(crate) struct Words {
    /// In every one of them; made of small letters and digits.
    pub(crate) mark: String,
    /// A person's name.
    pub(crate) name: String,
    /// Said in a chat.
    pub(crate) said: String,
    /// Why the patient came, and any other reason or comment: at least 10 characters.
    pub(crate) reason: String,
    /// A medicine.
    pub(crate) drug: String,
    /// A street with its number.
    pub(crate) street: String,
    /// A telephone number with the country code.
    pub(crate) phone: String,
    /// A password.
    pub(crate) password: String,
    /// An e-mail address.
    pub(crate) email: String,
}

impl Words {
    /// Words with a mark of their own.
    pub(crate) fn marked(number: usize) -> Self {
        let mark = format!("zq{number}qz");
        Self {
            name: format!("Robin {mark}"),
            said: format!("I have had a cough since Monday, {mark}. I will order a chest x-ray."),
            reason: format!("a cough since Monday {mark}"),
            drug: format!("Cough syrup {mark}"),
            street: format!("12 {mark} Street"),
            phone: format!("+1555{number:07}"),
            password: format!("a-long-one-{mark}"),
            email: format!("{mark}@example.com"),
            mark,
        }
    }
}
