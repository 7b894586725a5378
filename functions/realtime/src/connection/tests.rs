use futures::stream;
use kernel::Role;
use testkit::{TestApp, TestUser};
use tokio::sync::mpsc;

use super::*;

/// A client in the test: what it is sent arrives in a channel.
struct Wire(mpsc::UnboundedSender<String>);

impl Outlet for Wire {
    type Reply = ();
    const PINGS: bool = true;

    async fn deliver(&mut self, frame: &Frame, _: Option<&str>) -> Result<(), Stop> {
        self.0.send(frame.event.to_string()).map_err(|_| Stop::Gone)
    }

    async fn answer(&mut self, (): (), answer: Result<Option<Frame>, Frame>) -> Result<(), Stop> {
        match answer {
            Ok(Some(frame)) | Err(frame) => self.deliver(&frame, None).await,
            Ok(None) => Ok(()),
        }
    }

    async fn ping(&mut self) -> Result<(), Stop> {
        self.0.send("(ping)".to_owned()).map_err(|_| Stop::Gone)
    }

    async fn close(self, closing: Closing, _: impl Stream<Item = Inbound<()>> + Unpin + Send) {
        let _ = self.0.send(format!("(closed {})", closing.code));
    }
}

const NEVER: Duration = Duration::from_secs(3600);
const SOON: Duration = Duration::from_millis(5);
const STILL: Rhythm = Rhythm { look: NEVER, session_check: NEVER, ping: NEVER };

async fn connect(app: &TestApp, user: &TestUser, rhythm: Rhythm) -> mpsc::UnboundedReceiver<String> {
    let hub = Arc::new(Hub::default());
    let caller = Caller::of_token(&app.app, &user.token).await.unwrap();
    let (sender, mut sent) = mpsc::unbounded_channel();
    let opened =
        Connection::open(app.app.clone(), &hub, (caller, ClientInfo::default()), Wire(sender), Feed::Everything);
    let Ok(mut connection) = opened else { panic!("the hub is open") };
    (connection.rhythm, connection.look) = (rhythm, every(rhythm.look));
    tokio::spawn(connection.run(stream::pending(), None));
    assert_eq!(sent.recv().await.unwrap(), "connected");
    sent
}

/// On an application whose connections nobody rings for.
async fn unheard() -> (TestApp, TestUser) {
    let app = TestApp::on_sqlite(vec![]).await;
    let ann = app.user(Role::Patient, "Ann").await;
    (app, ann)
}

#[tokio::test]
async fn a_silent_client_is_given_up() {
    let (app, ann) = unheard().await;
    let mut sent = connect(&app, &ann, Rhythm { ping: SOON, ..STILL }).await;
    for expected in ["(ping)", "(ping)", "(closed 1001)"] {
        assert_eq!(sent.recv().await.unwrap(), expected);
    }
    assert_eq!(sent.recv().await, None);
}

#[tokio::test]
async fn an_ended_session_is_noticed_without_a_signal() {
    let (app, ann) = unheard().await;
    let sessions = model::session::SESSIONS;
    let mut sent = connect(&app, &ann, Rhythm { session_check: SOON, ..STILL }).await;
    app.store
        .transact("test-end", async |tx| {
            tx.delete(&sessions, ann.session.as_str());
            Ok::<_, store::Error>(())
        })
        .await
        .unwrap();
    // The gate believes what it saw for 15 seconds.
    app.clock.advance(Duration::from_secs(15));
    assert_eq!(sent.recv().await.unwrap(), "(closed 4401)");
}

#[tokio::test]
async fn an_open_socket_alone_keeps_no_session_awake() {
    let (app, ann) = unheard().await;
    let mut sent = connect(&app, &ann, Rhythm { session_check: SOON, ..STILL }).await;
    app.clock.advance(Duration::from_secs(30 * 60));
    assert_eq!(sent.recv().await.unwrap(), "(closed 4401)");
}

#[tokio::test]
async fn an_inbox_is_looked_into_without_a_signal() {
    let (app, ann) = unheard().await;
    let chat = app.chat(model::chat::ChatType::CareTeam, None, &[&ann.id]).await;
    let mut sent = connect(&app, &ann, Rhythm { look: SOON, ..STILL }).await;
    let what = model::chat::Happening::ChatChanged;
    let told = Told::Chat { chat_id: chat, happening: what, by: ann.id.clone(), at: app.app.now() };
    let entries = [model::inbox::InboxEntry { what: told, at: app.app.now() }];
    app.store
        .transact("test-enter", async |tx| crate::inboxes::enter(&tx, &ann.id, 0, &entries, app.app.now()))
        .await
        .unwrap();
    assert_eq!(sent.recv().await.unwrap(), "chat:updated");
}
