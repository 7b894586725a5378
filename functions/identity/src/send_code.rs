//! Makes the code that somebody asked for, where there is an account, and sends it.

use events::{Delivery, Failure};
use kernel::{Channel, Phi, RandomExt, UserId};
use model::event::CodeRequested;
use model::sign_in::{Identifier, OTP_INDEX, OTP_REQUESTS, OtpPurpose, OtpRequest, PHONE_OWNERS, otp_text};
use model::user::{USERS, User};
use store::Store;
use web::{ApiError, Job};

use crate::accounts::{AccountKey, find_by_index};
use crate::mail;

/// The ways a code goes out where nobody wished for one, the first one first.
const ORDER: [Channel; 3] = [Channel::WhatsApp, Channel::Sms, Channel::Email];

/// Sends a code that was asked for.
pub(crate) async fn send_code(job: Job, delivery: Delivery<CodeRequested>) -> Result<(), Failure> {
    let Job { app, store } = job;
    let CodeRequested { request_id, round } = &delivery.event;
    let asked = store.get(&OTP_REQUESTS, request_id.as_str()).await?.map(|doc| doc.value);
    let is_newest = |asked: &OtpRequest| asked.round == *round && app.now() < asked.expires_at;
    let Some(asked) = asked.filter(is_newest) else { return Ok(()) };
    let owners = owners(&store, &asked).await?;
    // To the first one's key; a number that several have gets a word to its holder and no code.
    let Some((id, user)) = owners.first() else { return Ok(()) };
    let is_known = asked.network.as_deref().is_some_and(|network| user.sign_in.knows(network));
    if asked.for_known_only && !is_known {
        return Ok(());
    }
    let key = AccountKey::of(&app, &store, id).await?;
    let mut routes = routes(&key, user, &asked)?;
    let code = Phi::new(format!("{:06}", app.random.below(1_000_000)));
    let letter = if owners.len() == 1 {
        mail::code(routes, code.disclose())
    } else {
        routes.retain(|(channel, _)| *channel != Channel::Email);
        mail::shared_number(routes)
    };
    let posted = letter.seal(&app, &store.database().tenant, id, key.subject_key());
    let blind = app.vault.blind_index(&store).await.map_err(ApiError::from)?;
    let hash = blind.exact(OTP_INDEX, &otp_text(request_id, code.disclose()));
    store
        .transact("send-code", async |tx| {
            let current = tx.get(&OTP_REQUESTS, request_id.as_str()).await?.map(|doc| doc.value);
            let Some(mut current) = current.filter(is_newest) else { return Ok(()) };
            delivery.mark(&tx, app.now())?;
            if owners.len() == 1 {
                current.code_hash = Some(hash.clone());
                current.user_id = Some(id.clone());
                tx.put_until(&OTP_REQUESTS, request_id.as_str(), &current, current.expires_at)?;
            }
            posted.save(&tx)
        })
        .await?;
    Ok(())
}

/// The accounts that a code would be for.
async fn owners(store: &Store, asked: &OtpRequest) -> Result<Vec<(UserId, User)>, store::Error> {
    let open = |(_, user): &(UserId, User)| asked.is_good_for(user);
    let found = match (&asked.user_id, asked.by) {
        (Some(id), _) => vec![id.as_str().to_owned()],
        (None, Identifier::Email) => {
            return Ok(find_by_index(store, &asked.index).await?.into_iter().filter(open).collect());
        }
        (None, Identifier::Phone) => {
            let owners = store.get(&PHONE_OWNERS, &asked.index).await?.map(|doc| doc.value).unwrap_or_default();
            owners.user_ids.into_iter().map(UserId::into_string).collect()
        }
    };
    let users = store.get_many(&USERS, &found).await?.into_iter().flatten();
    let identified = users.filter_map(|doc| Some((doc.id.parse().ok()?, doc.value)));
    Ok(identified.filter(open).collect())
}

/// The ways to the account: for verifying, those that show what is to be shown; for signing in, what was asked by, and
/// else what is verified.
fn routes(key: &AccountKey<'_>, user: &User, asked: &OtpRequest) -> Result<Vec<(Channel, Phi<String>)>, ApiError> {
    let is_login = asked.purpose == OtpPurpose::Login;
    let with_email = asked.by == Identifier::Email || is_login && user.sign_in.email_verified_at.is_some();
    let with_phone = asked.by == Identifier::Phone || is_login && user.sign_in.phone_verified_at.is_some();
    let number = user.phone_number.as_ref().filter(|_| with_phone);
    let mut routes = Vec::new();
    for channel in ORDER {
        match channel {
            Channel::Email if with_email => routes.push((channel, key.open("email", &user.email)?)),
            Channel::WhatsApp | Channel::Sms => {
                if let Some(number) = number {
                    routes.push((channel, key.open("phoneNumber", number)?));
                }
            }
            _ => {}
        }
    }
    let default = if asked.by == Identifier::Email { Channel::Email } else { Channel::WhatsApp };
    let first = asked.channel.unwrap_or(default);
    routes.sort_by_key(|(channel, _)| *channel != first);
    Ok(routes)
}
