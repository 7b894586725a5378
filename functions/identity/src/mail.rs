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
    to_address("password-changed", address, "Your password was changed", text, Duration::from_secs(24 * 3600))
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
