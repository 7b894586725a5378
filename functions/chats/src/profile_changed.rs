use conversations::{Places, named_users, open_many, turn};
use events::{Delivery, Failure};
use model::chat::CHATS;
use model::event::ProfileChanged;
use model::membership::MEMBERSHIPS;
use web::{ApiError, Job};

/// Someone's name or role changed: the rosters of that person's chats say so too. Harmless to repeat, since a roster
/// that says it already is left alone.
pub(crate) async fn profile_changed(job: Job, delivery: Delivery<ProfileChanged>) -> Result<(), Failure> {
    let Job { app, store } = job;
    let user = &delivery.event.user_id;
    let person = named_users(&app, &store, std::slice::from_ref(user)).await?.pop().flatten();
    let Some(person) = person else { return Ok(()) };
    let theirs = MEMBERSHIPS.all().eq("userId", user.as_str()).eq("active", true);
    let memberships = store.query(&MEMBERSHIPS, &theirs).await?.into_iter().map(|doc| doc.value).collect();
    for (open, _) in open_many(&app, &store, memberships).await? {
        let places = Places::of(&store.database().tenant, &open.id);
        let is_same = open.name_of(&places, user)? == person.name
            && open.chat.member(user).is_some_and(|member| member.role == person.role);
        if is_same {
            continue;
        }
        let renamed = open.key.seal(&places.member_name(user), &person.name);
        let _turn = turn(&store, &open.id).await;
        store
            .transact("rename-member", async |tx| {
                let Some(mut chat) = tx.get(&CHATS, open.id.as_str()).await?.map(|doc| doc.value) else {
                    return Ok::<_, ApiError>(());
                };
                if let Some(member) = chat.members.get_mut(user) {
                    member.name = renamed.clone();
                    member.role = person.role;
                    tx.put(&CHATS, open.id.as_str(), &chat)?;
                }
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
    use testkit::TestApp;
    use vault::{Place, Subject};

    use crate::testing::{Team, get, say};

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        rosters_follow,
    }

    async fn rosters_follow(app: TestApp) {
        let Team { ann, bob, chat, .. } = Team::of(&app).await;
        let message = say(&app, &bob, &chat, "hi").await;
        let key = app.app.vault.key(&app.store, &Subject::User(bob.id.clone())).await.unwrap();
        let place = Place::new(&app.tenant, "users", bob.id.as_str(), "name");
        let name = key.seal(&place, &Phi::new("Robert".to_owned()));
        for _ in 0..2 {
            let changed = app.app.occurs(ProfileChanged { user_id: bob.id.clone() });
            app.store
                .transact("test", async |tx| {
                    let mut user = tx.get(&USERS, bob.id.as_str()).await?.unwrap().value;
                    (user.name, user.role) = (name.clone(), Role::Doctor);
                    tx.put(&USERS, bob.id.as_str(), &user)?;
                    tx.emit(&changed)
                })
                .await
                .unwrap();
            app.settle().await;
        }
        assert_eq!(get(&app, &ann, &format!("/api/v1/messages/{message}")).await["sender"]["name"], "Robert");
        let people = get(&app, &ann, &format!("/api/v1/chats/{chat}")).await["participants"].clone();
        let bobs = people.as_array().unwrap().iter().find(|one| one["id"] == bob.id.as_str()).unwrap();
        assert_eq!((&bobs["name"], &bobs["role"]), (&json!("Robert"), &json!("Doctor")));
    }
}
