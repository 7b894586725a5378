//! temp
use async_trait::async_trait;
use events::*;
use model::event::Envelope;
#[derive(Debug, Clone)]
pub struct PubsubConfig {
    pub project: String,
    pub emulator_host: Option<String>,
}
impl PubsubConfig {
    pub fn new(project: String, emulator_host: Option<String>) -> Self {
        Self { project, emulator_host }
    }
}
pub struct PubsubBus;
impl PubsubBus {
    pub fn new(_c: PubsubConfig) -> Self {
        Self
    }
}
pub struct PubsubLive;
impl PubsubLive {
    pub fn new(_c: PubsubConfig, _i: String) -> Self {
        Self
    }
}
#[async_trait]
impl Bus for PubsubBus {
    async fn publish(&self, _: Vec<Envelope>) -> Result<bool, PublishError> {
        panic!()
    }
    async fn check(&self) -> Result<(), PublishError> {
        panic!()
    }
}
#[async_trait]
impl Live for PubsubLive {
    async fn publish(&self, _: Signal) -> Result<(), LiveError> {
        panic!()
    }
    async fn subscribe(&self) -> Result<tokio::sync::broadcast::Receiver<Signal>, LiveError> {
        panic!()
    }
    async fn close(&self) {}
}
