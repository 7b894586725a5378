use conversations::{Change, OpenChat, Places, named_users, open_many, turn};
use events::{Delivery, Failure};
use model::chat::{CHATS, Happening};
use model::event::ProfileChanged;
use model::membership::{MEMBERSHIPS, membership_id};
use web::{ApiError, Job};

/// Someone's name or role changed: the rosters of that person's chats say so too, and who is no longer staff is out of
/// the chats that are for staff only. Harmless to repeat, since a roster that says it already is left alone.
pub(crate) async fn profile_changed(job: Job, delivery: Delivery<ProfileChanged>) -> Result<(), Failure> {
    let Job { app, store } = job;
    let user = &delivery.event.user_id;
    let person = named_users(&app, &store, std::slice::from_ref(user)).await?.pop().flatten();
    let Some(person) = person else { return Ok(()) };
    let theirs = MEMBERSHIPS.all().eq("userId", user.as_str()).eq("active", true);
    let memberships = store.query(&MEMBERSHIPS, &theirs).await?.into_iter().map(|doc| doc.value).collect();
    let own_id = |open: &OpenChat| membership_id(&open.id, user);
    for (open, _) in open_many(&app, &store, memberships).await? {
        let places = Places::of(&store.database().tenant, &open.id);
        let is_same = open.name_of(&places, user)? == person.name
            && open.chat.member(user).is_some_and(|member| member.role == person.role);
        if is_same {
            continue;
        }
        let renamed = open.key.seal(&places.member_name(user), &person.name);
        let _turn = turn(&store, &open.id).await;
        let change = Change::now(&app, &open.id, user);
        store
            .transact("profile-changed", async |tx| {
                let (chat, own) = tx.get_both((&CHATS, open.id.as_str()), (&MEMBERSHIPS, &own_id(&open))).await?;
                let Some(mut chat) = chat.map(|doc| doc.value) else { return Ok::<_, ApiError>(()) };
                let Some(member) = chat.members.get_mut(user) else { return Ok(()) };
                member.name = renamed.clone();
                member.role = person.role;
                if chat.kind.admits(person.role) || chat.member(user).is_none() {
                    return Ok(tx.put(&CHATS, open.id.as_str(), &chat)?);
                }
                chat.remove(user, change.at());
                chat.updated_at = change.at();
                if let Some(mut own) = own.map(|doc| doc.value) {
                    own.active = false;
                    tx.put(&MEMBERSHIPS, &own_id(&open), &own)?;
                }
                change.append(&tx, chat, Happening::MemberRemoved { user: user.clone() })?;
                Ok(())
            })
            .await?;
    }
    Ok(())
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
