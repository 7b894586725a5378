use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use firestore::gcloud_sdk::RequestTimeouts;
use firestore::gcloud_sdk::tonic::{Request, Status, Streaming};
use futures::TryStreamExt;
use kernel::{Random, RandomExt, Time};
use store::{Backend, CommitError, Database, Document, Error, Key, Query, Write};

use crate::FirestoreConfig;
use crate::connection::{Client, Connections};
use crate::failure::{self, NotAsked};
use crate::names::{Names, id_of};
use crate::proto::batch_get_documents_response::Result as Found;
use crate::proto::structured_aggregation_query::aggregation::{Count, Operator};
use crate::proto::structured_aggregation_query::{Aggregation, QueryType as Aggregated};
use crate::proto::value::ValueType;
use crate::proto::{self, BatchGetDocumentsRequest, RunAggregationQueryRequest, RunQueryRequest};
use crate::query::{structured, uncut};
use crate::value::{STAMP_FIELD, fields};
use crate::write::{Commit, commit, version};

/// The name of a count's answer.
const COUNT: &str = "count";
/// How long the readiness check waits.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);
/// The wait before a read's second attempt, at most; it doubles from there.
const FIRST_PAUSE_MS: u32 = 100;

/// The document store on Firestore.
pub struct FirestoreBackend {
    config: FirestoreConfig,
    connections: Connections,
    random: Arc<dyn Random>,
}

impl FirestoreBackend {
    /// A store that connects to each database when it is first used. `random` stamps commits and spreads retries.
    pub fn new(config: FirestoreConfig, random: Arc<dyn Random>) -> Self {
        Self { config, connections: Connections::default(), random }
    }

    /// Sends a read, and again where Firestore does not answer.
    async fn read<T, F>(
        &self,
        database: &Database,
        operation: &'static str,
        send: impl Fn(Client) -> F + Send + Sync,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Status>> + Send,
    {
        let mut attempt = 1;
        loop {
            let client = self.connections.client(&self.config, database).await?;
            let status = match send(client).await {
                Ok(answer) => return Ok(answer),
                Err(status) => status,
            };
            if attempt >= self.config.read_attempts || !failure::is_passing(status.code()) {
                return Err(failure::of_read(operation, &status));
            }
            tracing::warn!(operation, code = ?status.code(), attempt, "Firestore did not answer a read, asking again");
            tokio::time::sleep(self.pause(attempt)).await;
            attempt += 1;
        }
    }

    /// Full jitter below a ceiling that doubles.
    fn pause(&self, attempt: u32) -> Duration {
        let ceiling_ms = FIRST_PAUSE_MS << attempt.saturating_sub(1).min(5);
        Duration::from_micros(u64::from(self.random.below(ceiling_ms * 1000)))
    }

    async fn found(&self, database: &Database, names: &Names, asked: Vec<String>) -> Result<FoundByName, Error> {
        let request = BatchGetDocumentsRequest {
            database: names.database.clone(),
            documents: asked,
            ..BatchGetDocumentsRequest::default()
        };
        let timeout = self.config.read_timeout;
        self.read(database, "BatchGetDocuments", |mut client| {
            let request = limited(request.clone(), timeout);
            async move {
                let answers: Streaming<_> = client.batch_get_documents(request).await?.into_inner();
                let results = answers.try_filter_map(|answer| async move { Ok(answer.result) });
                let named = results.map_ok(|result| match result {
                    Found::Found(document) => (document.name.clone(), Some(document)),
                    Found::Missing(name) => (name, None),
                });
                named.try_collect::<FoundByName>().await
            }
        })
        .await
    }

    /// Whether a commit that got no answer is seen to have happened. Only a sure yes counts.
    async fn did_happen(&self, database: &Database, names: &Names, commit: &Commit<'_>) -> bool {
        let Some(witness) = &commit.witness else { return false };
        let Ok(found) = self.found(database, names, vec![witness.clone()]).await else { return false };
        let document = found.into_values().next().flatten();
        let stamp = document.and_then(|document| document.fields.get(STAMP_FIELD)?.value_type.clone());
        stamp == Some(ValueType::IntegerValue(commit.stamp))
    }
}

type FoundByName = HashMap<String, Option<proto::Document>>;

#[async_trait]
impl Backend for FirestoreBackend {
    async fn get(&self, database: &Database, keys: &[Key]) -> Result<Vec<Option<Document>>, Error> {
        let names = Names::new(database)?;
        let asked: Vec<String> = keys.iter().map(|key| names.document(key)).collect::<Result<_, _>>()?;
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        let once: BTreeSet<&String> = asked.iter().collect();
        let is_repeated = once.len() < asked.len();
        let mut found = self.found(database, &names, once.into_iter().cloned().collect()).await?;
        let mut take = |name| if is_repeated { found.get(name).cloned() } else { found.remove(name) };
        keys.iter()
            .zip(&asked)
            .map(|(key, name)| match take(name) {
                Some(document) => document.map(|document| document_of(key.clone(), document)).transpose(),
                None => Err(Error::Unavailable(Box::new(NotAsked("BatchGetDocuments left a document out".to_owned())))),
            })
            .collect()
    }

    async fn query(&self, database: &Database, query: &Query) -> Result<Vec<Document>, Error> {
        let asked = structured(&Names::new(database)?, query)?;
        let request = RunQueryRequest {
            parent: asked.parent,
            query_type: Some(proto::run_query_request::QueryType::StructuredQuery(asked.query)),
            ..RunQueryRequest::default()
        };
        let timeout = self.config.read_timeout;
        let documents: Vec<proto::Document> = self
            .read(database, "RunQuery", |mut client| {
                let request = limited(request.clone(), timeout);
                async move {
                    let answers: Streaming<_> = client.run_query(request).await?.into_inner();
                    answers.try_filter_map(|answer| async move { Ok(answer.document) }).try_collect().await
                }
            })
            .await?;
        documents.into_iter().map(|document| document_of(query.key(id_of(&document.name)), document)).collect()
    }

    async fn count(&self, database: &Database, query: &Query) -> Result<u64, Error> {
        let names = Names::new(database)?;
        // The cursor does not count but must be right.
        structured(&names, query)?;
        let asked = uncut(&names, query)?;
        let count = Aggregation { alias: COUNT.to_owned(), operator: Some(Operator::Count(Count { up_to: None })) };
        let aggregation = proto::StructuredAggregationQuery {
            aggregations: vec![count],
            query_type: Some(Aggregated::StructuredQuery(asked.query)),
        };
        let request = RunAggregationQueryRequest {
            parent: asked.parent,
            query_type: Some(proto::run_aggregation_query_request::QueryType::StructuredAggregationQuery(aggregation)),
            ..RunAggregationQueryRequest::default()
        };
        let timeout = self.config.read_timeout;
        let results: Vec<proto::AggregationResult> = self
            .read(database, "RunAggregationQuery", |mut client| {
                let request = limited(request.clone(), timeout);
                async move {
                    let answers: Streaming<_> = client.run_aggregation_query(request).await?.into_inner();
                    answers.try_filter_map(|answer| async move { Ok(answer.result) }).try_collect().await
                }
            })
            .await?;
        let counted = results.into_iter().find_map(|mut result| result.aggregate_fields.remove(COUNT)?.value_type);
        match counted {
            Some(ValueType::IntegerValue(count)) => Ok(u64::try_from(count).unwrap_or_default()),
            _ => Err(Error::Unavailable(Box::new(NotAsked("RunAggregationQuery gave no count".to_owned())))),
        }
    }

    async fn commit(&self, database: &Database, writes: &[Write]) -> Result<(), CommitError> {
        let names = Names::new(database)?;
        let commit = commit(&names, writes, i64::from_le_bytes(self.random.bytes()))?;
        if commit.request.writes.is_empty() {
            return Ok(());
        }
        let mut attempt = 1;
        let status = loop {
            let mut client = self.connections.client(&self.config, database).await?;
            let request = limited(commit.request.clone(), self.config.commit_timeout);
            match client.commit(request).await {
                Ok(_) => return Ok(()),
                Err(status) if attempt < self.config.read_attempts && failure::was_never_sent(&status) => {
                    tokio::time::sleep(self.pause(attempt)).await;
                    attempt += 1;
                }
                Err(status) => break status,
            }
        };
        if failure::is_ambiguous(&status) && self.did_happen(database, &names, &commit).await {
            return Ok(());
        }
        Err(failure::of_commit(&status, &commit.conditional))
    }

    /// Reads a document that need not be there.
    async fn check(&self, database: &Database) -> Result<(), Error> {
        let names = Names::new(database)?;
        let request = BatchGetDocumentsRequest {
            database: names.database.clone(),
            documents: vec![names.document(&Key::new("health", "check"))?],
            ..BatchGetDocumentsRequest::default()
        };
        let mut client = self.connections.client(&self.config, database).await?;
        let answer = async {
            let answers = client.batch_get_documents(limited(request, CHECK_TIMEOUT)).await?.into_inner();
            answers.try_collect::<Vec<_>>().await
        };
        answer.await.map(drop).map_err(|status| failure::of_read("BatchGetDocuments", &status))
    }

    /// Does nothing: a TTL policy on the field `_expireAt` of each collection with expiring documents removes them.
    async fn purge_expired(&self, _database: &Database, _now: Time) -> Result<u64, Error> {
        Ok(0)
    }
}

/// A request with a deadline for its whole answer, which the server is told too.
fn limited<M>(message: M, timeout: Duration) -> Request<M> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(RequestTimeouts::new().with_total(timeout));
    request
}

fn document_of(key: Key, document: proto::Document) -> Result<Document, Error> {
    let version = document.update_time.as_ref().map(version).unwrap_or(store::Version(0));
    match fields(document.fields) {
        Ok(fields) => Ok(Document { key, fields, version }),
        Err(damage) => Err(Error::Damaged { key, field: damage.field, reason: damage.reason }),
    }
}
