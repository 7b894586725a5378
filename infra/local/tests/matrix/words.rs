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
    /// Why the patient came.
    pub(crate) reason: String,
    /// A password.
    pub(crate) password: String,
}

impl Words {
    /// Words with a mark of their own.
    pub(crate) fn marked(number: usize) -> Self {
        let mark = format!("zq{number}qz");
        Self {
            name: format!("Robin {mark}"),
            said: format!("The cough began on Monday, {mark}. I will order a chest x-ray."),
            reason: format!("cough {mark}"),
            password: format!("a-long-one-{mark}"),
            mark,
        }
    }

    /// A new e-mail address.
    pub(crate) fn email(&self) -> String {
        format!("{}@example.com", self.mark)
    }
}
