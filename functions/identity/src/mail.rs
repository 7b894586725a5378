//! The letters that signing in sends. What they say is plain; a link carries its token in the fragment, which browsers
//! send to no server.

use std::time::Duration;

use accounts::{Letter, OneTime};
use kernel::{Channel, Phi};
use model::one_time::TokenKind;
use model::sign_in::OTP_LIFETIME;
use web::App;

/// Where an invited person chooses a password.
pub(crate) const INVITATION_PAGE: &str = "accept-invitation";

/// For how long it is worth telling what happened.
const DAY: Duration = Duration::from_secs(24 * 3600);

/// To verify a new account's address.
pub(crate) fn verification(app: &App, address: Phi<String>, token: &OneTime) -> Letter {
    let link = token.link(app, "verify-email");
    let text = format!(
        "Welcome to ConsentMD.\n\nOpen this page to verify your e-mail address:\n{}\n\nOr enter this token in the app:\n{}\n\n\
         Both are good once and for 24 hours. If you have not made an account, you need not do anything.",
        link.as_str(),
        token.text()
    );
    to_address("verify-email", address, "Verify your e-mail address", text, TokenKind::VerifyEmail.lifetime())
}

/// To set a new password.
pub(crate) fn password_reset(app: &App, address: Phi<String>, token: &OneTime) -> Letter {
    let link = token.link(app, "reset-password");
    let text = format!(
        "Somebody asked for a new password of your ConsentMD account.\n\nOpen this page to choose one:\n{}\n\nOr enter this \
         token in the app:\n{}\n\nBoth are good once and for 30 minutes. If it was not you, you need not do anything: \
         your password stays as it is.",
        link.as_str(),
        token.text()
    );
    to_address("reset-password", address, "Choose a new password", text, TokenKind::ResetPassword.lifetime())
}

/// To choose the first password of an account that an administrator made.
pub(crate) fn invitation(app: &App, address: Phi<String>, token: &OneTime) -> Letter {
    let link = token.link(app, INVITATION_PAGE);
    let text = format!(
        "Your clinic has made a ConsentMD account for you.\n\nOpen this page to choose a password:\n{}\n\nOr enter this \
         token in the app:\n{}\n\nBoth are good once and for 7 days. If you do not expect this, you need not do anything.",
        link.as_str(),
        token.text()
    );
    to_address("invitation", address, "Your ConsentMD account", text, TokenKind::Invitation.lifetime())
}

/// That the password was changed, in case it was somebody else.
pub(crate) fn password_changed(address: Phi<String>) -> Letter {
    let text =
        "The password of your ConsentMD account was changed, and all other devices were signed out.\n\nIf it was \
                not you, choose a new one at once with \"forgot password\", and tell your clinic."
            .to_owned();
    to_address("password-changed", address, "Your password was changed", text, DAY)
}

/// That a telephone number signs in from now on, in case it was somebody else.
pub(crate) fn phone_signs_in(address: Phi<String>) -> Letter {
    let text = "Codes sent to the telephone number of your ConsentMD account now sign in to it.\n\nIf it was not you who \
                verified the number, change your password at once, remove the number from your profile, and tell your clinic.";
    to_address("phone-verified", address, "A telephone number now signs in", text.to_owned(), DAY)
}

/// That a second factor is asked for from now on, in case it was somebody else.
pub(crate) fn mfa_enabled(address: Phi<String>) -> Letter {
    let text = "Your ConsentMD account now asks for a code of an authenticator app when you sign in.\n\nIf it was not you \
                who switched this on, tell your clinic: an administrator can switch it off.";
    to_address("second-factor", address, "A second factor is on", text.to_owned(), DAY)
}

/// That an administrator switched the second factor off.
pub(crate) fn mfa_reset(address: Phi<String>) -> Letter {
    let text = "An administrator of your clinic has switched off the second factor of your ConsentMD account, and signed \
                out all devices.\n\nSign in with your password alone, and set the second factor up again. If you have not \
                asked for this, tell your clinic.";
    to_address("second-factor", address, "Your second factor is off", text.to_owned(), DAY)
}

/// A code to sign in with, or to show that an address or number is one's own.
pub(crate) fn code(routes: Vec<(Channel, Phi<String>)>, code: &str) -> Letter {
    Letter {
        kind: "sign-in-code",
        routes,
        subject: "Your ConsentMD code".to_owned(),
        text: Phi::new(format!("{code} is your ConsentMD code. It is good for 5 minutes. We never ask you for it.")),
        useful_for: OTP_LIFETIME,
    }
}

/// That a number signs in to no account in particular.
pub(crate) fn shared_number(routes: Vec<(Channel, Phi<String>)>) -> Letter {
    let text =
        "Several ConsentMD accounts share this number, so it cannot be used to sign in. Use your e-mail address.";
    Letter {
        kind: "sign-in-code",
        routes,
        subject: "Your ConsentMD code".to_owned(),
        text: Phi::new(text.to_owned()),
        useful_for: OTP_LIFETIME,
    }
}

fn to_address(kind: &'static str, address: Phi<String>, subject: &str, text: String, useful_for: Duration) -> Letter {
    let routes = vec![(Channel::Email, address)];
    Letter { kind, routes, subject: subject.to_owned(), text: Phi::new(text), useful_for }
}
