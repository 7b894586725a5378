//! Unread counts against a model of them, over random histories.

use kernel::RandomExt;
use serde_json::json;
use testkit::{SeededRandom, TestApp, TestUser};

use crate::testing::{Team, get, listed, say};

testkit::on_both_platforms! {
    functions: || vec![crate::function()];
    counts_agree_with_a_list_of_messages,
}

/// The chat as a list: who sent each message, and up to where each member has read.
#[derive(Default)]
struct Model {
    senders: Vec<usize>,
    deleted: Vec<bool>,
    read: [usize; 3],
}

impl Model {
    fn unread(&self, member: usize) -> usize {
        self.senders[self.read[member]..].iter().filter(|sender| **sender != member).count()
    }
}

async fn counts_agree_with_a_list_of_messages(app: TestApp) {
    for seed in 0..3 {
        one_history(&app, &SeededRandom::new(seed)).await;
    }
}

async fn one_history(app: &TestApp, random: &SeededRandom) {
    let Team { ann, bob, cy, chat } = Team::of(app).await;
    let members = [&ann, &bob, &cy];
    let mut model = Model::default();
    for step in 0..30 {
        let who = random.below(3) as usize;
        let which = random.below(u32::try_from(model.senders.len()).unwrap()) as usize;
        let id = format!("{chat}_{:010}", which + 1);
        match random.below(10) {
            0..4 => {
                say(app, members[who], &chat, &format!("step {step}")).await;
                model.senders.push(who);
                model.deleted.push(false);
            }
            _ if model.senders.is_empty() => {}
            4 => edit(app, &model, members[who], who, which, &id, step).await,
            5 => {
                let may = model.senders[which] == who || who == 0;
                let status = if may { 204 } else { 403 };
                app.delete(&format!("/api/v1/messages/{id}")).by(members[who]).expect(status).await;
                model.deleted[which] |= may;
            }
            6 => {
                app.post(&format!("/api/v1/chats/{chat}/messages/read-all")).by(members[who]).expect(200).await;
                model.read[who] = model.senders.len();
            }
            _ => {
                app.post(&format!("/api/v1/messages/{id}/read")).by(members[who]).expect(200).await;
                model.read[who] = model.read[who].max(which + 1);
            }
        }
        let shown = listed(app, members[who], &chat).await["unreadCount"].as_u64().unwrap();
        assert_eq!(shown, model.unread(who) as u64, "step {step}, member {who}");
    }
    agrees_in_full(app, &model, &members, &chat).await;
}

async fn edit(app: &TestApp, model: &Model, by: &TestUser, who: usize, which: usize, id: &str, step: u32) {
    let status = match (model.senders[which] == who, model.deleted[which]) {
        (false, _) => 403,
        (true, true) => 400,
        (true, false) => 200,
    };
    let body = json!({"content": format!("edited in step {step}")});
    app.put(&format!("/api/v1/messages/{id}")).by(by).json(&body).expect(status).await;
}

/// Each message is shown as read to whom the model says.
async fn agrees_in_full(app: &TestApp, model: &Model, members: &[&TestUser; 3], chat: &str) {
    for (n, member) in members.iter().enumerate() {
        let page = get(app, member, &format!("/api/v1/chats/{chat}/messages?limit=100")).await;
        for (index, message) in page["data"].as_array().unwrap().iter().enumerate() {
            let by_other = (0..3).any(|other| other != n && model.read[other] > index);
            let is_read = if model.senders[index] == n { by_other } else { model.read[n] > index };
            assert_eq!(message["isRead"], is_read, "message {index} for member {n}");
            assert_eq!(message["content"].is_null(), model.deleted[index]);
        }
    }
}
