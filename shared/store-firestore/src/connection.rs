//! One client for each database, connected when it is first used.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;

use firestore::gcloud_sdk::google_cloud_auth::credentials::{
    CacheableResource, Credentials, CredentialsProvider, EntityTag,
};
use firestore::gcloud_sdk::google_cloud_auth::errors::CredentialsError;
use firestore::gcloud_sdk::{GCP_DEFAULT_SCOPES, GoogleAuthHeaders, GoogleAuthMiddleware, HeaderMap};
use firestore::{FirestoreDb, FirestoreDbOptions};
use http::Extensions;
use http::header::{AUTHORIZATION, HeaderValue};
use parking_lot::Mutex;
use store::{Database, Error};
use tokio::sync::OnceCell;

use crate::FirestoreConfig;
use crate::failure::NotAsked;
use crate::proto::firestore_client::FirestoreClient;

/// The gRPC client.
pub(crate) type Client = FirestoreClient<GoogleAuthMiddleware>;

/// Project and database.
type Place = (String, String);

/// The clients. Tenants that share a database share its client.
#[derive(Default)]
pub(crate) struct Connections {
    clients: Mutex<HashMap<Place, Arc<OnceCell<FirestoreDb>>>>,
}

impl Connections {
    /// The client of a database. A failure is not kept: the next call tries anew.
    pub(crate) async fn client(&self, config: &FirestoreConfig, database: &Database) -> Result<Client, Error> {
        let place = (database.project.clone(), database.name.clone());
        let cell = Arc::clone(self.clients.lock().entry(place).or_default());
        let connected = cell.get_or_try_init(|| connect(config, database)).await?;
        Ok(connected.client().get())
    }
}

async fn connect(config: &FirestoreConfig, database: &Database) -> Result<FirestoreDb, Error> {
    // The address is always given, so that the crate's own look at the environment decides nothing.
    let options = FirestoreDbOptions::new(database.project.clone())
        .with_database_id(database.name.clone())
        .with_firebase_api_url(config.url());
    let unavailable = |what: String| Error::Unavailable(Box::new(NotAsked(what)));
    let connecting = async {
        let auth = match &config.emulator_host {
            Some(_) => GoogleAuthHeaders::from(Credentials::from(EmulatorCredentials::default())),
            None => GoogleAuthHeaders::from_adc_with_scopes(GCP_DEFAULT_SCOPES.clone())
                .await
                .map_err(|error| unavailable(format!("no Application Default Credentials: {error}")))?,
        };
        let connected = FirestoreDb::with_options_auth(options, auth).await;
        connected.map_err(|error| unavailable(format!("no connection to {}: {error}", config.url())))
    };
    match tokio::time::timeout(config.connect_timeout, connecting).await {
        Ok(connected) => connected,
        Err(_) => Err(unavailable(format!("no connection to {} in {:?}", config.url(), config.connect_timeout))),
    }
}

/// The emulator's rules let anyone in who bears the name of its owner.
#[derive(Debug)]
struct EmulatorCredentials {
    tag: EntityTag,
}

impl Default for EmulatorCredentials {
    fn default() -> Self {
        Self { tag: EntityTag::new() }
    }
}

impl CredentialsProvider for EmulatorCredentials {
    fn headers(
        &self,
        extensions: Extensions,
    ) -> impl Future<Output = Result<CacheableResource<HeaderMap>, CredentialsError>> + Send {
        let known = extensions.get::<EntityTag>() == Some(&self.tag);
        let headers = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static("Bearer owner"))]);
        let entity_tag = self.tag.clone();
        std::future::ready(Ok(match known {
            true => CacheableResource::NotModified,
            false => CacheableResource::New { entity_tag, data: headers },
        }))
    }

    fn universe_domain(&self) -> impl Future<Output = Option<String>> + Send {
        std::future::ready(None)
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::failure::{is_ambiguous, was_never_sent};
    use crate::proto::CommitRequest;

    /// A commit may be sent again where it was never sent; that has to be told from a lost answer.
    #[tokio::test]
    async fn a_request_without_a_connection_is_known_to_be_unsent() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = FirestoreConfig::emulator(listener.local_addr().unwrap().to_string());
        let database = Database {
            tenant: "t1".parse().unwrap(),
            project: "p".to_owned(),
            name: "d".to_owned(),
            prefix: String::new(),
        };
        let connections = Connections::default();
        let mut client = connections.client(&config, &database).await.unwrap();
        drop(listener);

        // The first requests may still meet the dying connection.
        for _ in 0..20 {
            let status = client.commit(CommitRequest::default()).await.unwrap_err();
            if was_never_sent(&status) {
                assert!(!is_ambiguous(&status));
                return;
            }
            assert!(is_ambiguous(&status), "{status:?}");
        }
        panic!("a refused connection was never told from a lost answer");
    }
}
