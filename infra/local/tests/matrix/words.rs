//! What the people of a scene are called and say: words by which an answer, a log line or a stored byte gives them away.

/// The free texts of a scene.
#[derive(Debug, Clone)]
pub(crate) struct Words {
    /// In every one of them; made of small letters and digits.
    pub(crate) mark: String,
    /// The caller's name.
    pub(crate) caller: String,
    /// A patient's or anybody else's name.
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
            caller: "Casey Caller".to_owned(),
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

    /// The words of somebody who must leave no trace in clear. The number makes what has to be unique so.
    pub(crate) fn canary(number: usize) -> Self {
        Self {
            mark: format!("canary{number}"),
            caller: "Canary Finch".to_owned(),
            name: "Canary Finch".to_owned(),
            said: "The chirpingcough began on Monday. I will order a chest x-ray.".to_owned(),
            reason: "A chirpingcough since Monday".to_owned(),
            drug: "Yellowfever vaccine".to_owned(),
            street: "7 Nightingale Lane".to_owned(),
            phone: "+15550142877".to_owned(),
            password: "songbird-password".to_owned(),
            email: format!("{number}.canary@example.com"),
        }
    }
}
