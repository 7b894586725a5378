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
