use conversations::{Change, Places, chat_subject, turn};
use events::{Delivery, Failure};
use model::chat::{CHATS, Happening};
use model::event::ProfileChanged;
use model::membership::{MEMBERSHIPS, Membership, membership_id};
use model::user::USERS;
use store::Store;
use vault::{Place, Subject};
use web::{ApiError, App, Job};

use crate::care::settle;

/// Someone's name or role changed: the rosters of that person's chats say so too, and who is no longer staff is out of
/// the chats that are for staff only. Harmless to repeat, since a roster that says it already is left alone.
pub(crate) async fn profile_changed(job: Job, delivery: Delivery<ProfileChanged>) -> Result<(), Failure> {
    let Job { app, store } = job;
    let user = &delivery.event.user_id;
    let theirs = MEMBERSHIPS.all().eq("userId", user.as_str()).eq("active", true);
    for membership in store.query(&MEMBERSHIPS, &theirs).await? {
        settle_roster(&app, &store, &membership.value).await?;
    }
    Ok(())
}

/// Brings one chat's roster to what the person's account says. The account is read with the chat, so that of two changes
/// the later one stands in the end.
async fn settle_roster(app: &App, store: &Store, membership: &Membership) -> Result<(), ApiError> {
    let Membership { chat_id, user_id: user, .. } = membership;
    let places = Places::of(&store.database().tenant, chat_id);
    let own_id = membership_id(chat_id, user);
    let _turn = turn(store, chat_id).await;
    let change = Change::now(app, chat_id, user);
    store
        .transact("profile-changed", async |tx| {
            let account = tx.get(&USERS, user.as_str()).await?.map(|doc| doc.value).filter(|account| account.active);
            let (chat, own) = tx.get_both((&CHATS, chat_id.as_str()), (&MEMBERSHIPS, &own_id)).await?;
            let Some((account, mut chat)) = account.zip(chat.map(|doc| doc.value)) else { return Ok(()) };
            let key = app.vault.key(store, &chat_subject(chat_id, chat.patient_id.as_ref())).await?;
            let own_key = app.vault.key(store, &Subject::User(user.clone())).await?;
            let name = own_key.open(&Place::new(tx.tenant(), "users", user.as_str(), "name"), &account.name)?;
            let Some(member) = chat.members.get_mut(user) else { return Ok(()) };
            if member.role == account.role && key.open(&places.member_name(user), &member.name)? == name {
                return Ok(());
            }
            member.name = key.seal(&places.member_name(user), &name);
            member.role = account.role;
            if chat.kind.admits(account.role) || chat.member(user).is_none() {
                settle(&tx, chat_id, &chat, change.at()).await?;
                return Ok(tx.put(&CHATS, chat_id.as_str(), &chat)?);
            }
            chat.remove(user, change.at());
            chat.updated_at = change.at();
            if let Some(mut own) = own.map(|doc| doc.value) {
                own.active = false;
                tx.put(&MEMBERSHIPS, &own_id, &own)?;
            }
            settle(&tx, chat_id, &chat, change.at()).await?;
            change.append(&tx, chat, Happening::MemberRemoved { user: user.clone() })?;
            Ok(())
        })
        .await
}

#[cfg(test)]
mod tests {
    use events::Emit;
    use kernel::{Phi, Role};
    use model::event::ProfileChanged;
    use model::user::USERS;
    use serde_json::json;
    use testkit::{TestApp, TestUser};
    use vault::{Place, Subject};

    use crate::testing::{Team, create, get, say};

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        rosters_follow, who_is_no_longer_staff_is_out_of_staff_chats,
    }

    async fn change(app: &TestApp, user: &TestUser, name: &str, role: Role) {
        let key = app.app.vault.key(&app.store, &Subject::User(user.id.clone())).await.unwrap();
        let place = Place::new(&app.tenant, "users", user.id.as_str(), "name");
        let name = key.seal(&place, &Phi::new(name.to_owned()));
        let changed = app.app.occurs(ProfileChanged { user_id: user.id.clone() });
        app.store
            .transact("test", async |tx| {
                let mut account = tx.get(&USERS, user.id.as_str()).await?.unwrap().value;
                (account.name, account.role) = (name.clone(), role);
                tx.put(&USERS, user.id.as_str(), &account)?;
                tx.emit(&changed)
            })
            .await
            .unwrap();
        app.settle().await;
    }

    async fn rosters_follow(app: TestApp) {
        let Team { ann, bob, chat, .. } = Team::of(&app).await;
        let message = say(&app, &bob, &chat, "hi").await;
        change(&app, &bob, "Robert", Role::Doctor).await;
        let before = app.store.meter().counts();
        change(&app, &bob, "Robert", Role::Doctor).await;
        // The test's own commit and the bus putting the event away: the roster was right already.
        assert_eq!((app.store.meter().counts() - before).commits, 2);
        assert_eq!(get(&app, &ann, &format!("/api/v1/messages/{message}")).await["sender"]["name"], "Robert");
        let people = get(&app, &ann, &format!("/api/v1/chats/{chat}")).await["participants"].clone();
        let bobs = people.as_array().unwrap().iter().find(|one| one["id"] == bob.id.as_str()).unwrap();
        assert_eq!((&bobs["name"], &bobs["role"]), (&json!("Robert"), &json!("Doctor")));
    }

    async fn who_is_no_longer_staff_is_out_of_staff_chats(app: TestApp) {
        let Team { ann, bob, chat, .. } = Team::of(&app).await;
        let staff = create(&app, &ann, "Internal Staff", &[&bob]).await;
        change(&app, &bob, "Bob", Role::Patient).await;
        app.get(&format!("/api/v1/chats/{staff}")).by(&bob).refused(404, "NOT_FOUND").await;
        get(&app, &bob, &format!("/api/v1/chats/{chat}")).await;
        assert_eq!(get(&app, &ann, &format!("/api/v1/chats/{staff}")).await["participantCount"], 1);
    }
}
