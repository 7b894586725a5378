use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use kernel::{Clock, Random, TenantId, Time};
use model::tenant::{TENANTS, Tenant, TenantPolicy};
use parking_lot::Mutex;
use store::{Backend, CommitListener, Database, Doc, Store};

/// For how long the registry's answer counts.
const REMEMBERED: Duration = Duration::from_secs(60);

/// The tenants: looked up in the registry's database, each opened once. No other way leads to a tenant's store.
pub struct Tenants {
    backend: Arc<dyn Backend>,
    registry: Store,
    listener: Option<Arc<dyn CommitListener>>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    known: Mutex<HashMap<TenantId, Known>>,
}

struct Known {
    store: Store,
    policy: TenantPolicy,
    since: Time,
}

impl Tenants {
    /// Tenants registered in `registry`, a database of the same backend.
    pub fn new(
        backend: Arc<dyn Backend>,
        registry: Database,
        listener: Option<Arc<dyn CommitListener>>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Self {
        let registry = Store::new(backend.clone(), registry, random.clone());
        Self { backend, registry, listener, clock, random, known: Mutex::default() }
    }

    /// The registry's own store.
    pub const fn registry(&self) -> &Store {
        &self.registry
    }

    /// A tenant's store; `None` where there is no such active tenant.
    pub async fn open(&self, id: &TenantId) -> Result<Option<Store>, store::Error> {
        Ok(self.find(id).await?.map(|(store, _)| store))
    }

    /// A tenant's own rules; the usual ones where there is no such active tenant.
    pub async fn policy(&self, id: &TenantId) -> Result<TenantPolicy, store::Error> {
        Ok(self.find(id).await?.map(|(_, policy)| policy).unwrap_or_default())
    }

    async fn find(&self, id: &TenantId) -> Result<Option<(Store, TenantPolicy)>, store::Error> {
        let now = self.clock.now();
        if let Some(known) = self.known.lock().get(id).filter(|known| now.since(known.since) < REMEMBERED) {
            return Ok(Some((known.store.clone(), known.policy.clone())));
        }
        let found = self.registry.get(&TENANTS, id.as_str()).await?.map(|doc| doc.value);
        let mut known = self.known.lock();
        // A stranger's guesses are not remembered, so they cannot fill the memory.
        let before = known.remove(id);
        let Some(record) = found.filter(|tenant| tenant.active) else { return Ok(None) };
        let policy = record.policy.clone();
        let store = before.map_or_else(|| self.handle(id, record), |before| before.store);
        known.insert(id.clone(), Known { store: store.clone(), policy: policy.clone(), since: now });
        Ok(Some((store, policy)))
    }

    /// Whether there is such a tenant, active or not.
    pub async fn is_registered(&self, id: &TenantId) -> Result<bool, store::Error> {
        Ok(self.registry.get(&TENANTS, id.as_str()).await?.is_some())
    }

    /// The ids of all active tenants, for work that goes over all of them.
    pub async fn all(&self) -> Result<Vec<TenantId>, store::Error> {
        let records = self.registry.query(&TENANTS, &TENANTS.all()).await?;
        let active = records.into_iter().filter(|doc| doc.value.active);
        Ok(active.filter_map(|doc| doc.id.parse().ok()).collect())
    }

    /// The stores of all tenants, suspended ones too: for the upkeep of what is stored, never for somebody who asks. Ids
    /// that are none are an error, so that upkeep leaves nobody out unnoticed.
    pub async fn stores(&self) -> Result<Vec<Store>, store::Error> {
        let records = self.registry.query(&TENANTS, &TENANTS.all()).await?;
        let store = |doc: Doc<Tenant>| {
            let id =
                doc.id.parse().map_err(|_| store::Error::BadPath { what: format!("the tenant id {:?}", doc.id) })?;
            Ok(self.handle(&id, doc.value))
        };
        records.into_iter().map(store).collect()
    }

    /// A tenant's store, suspended or not, for its upkeep; `None` where there is no such tenant.
    pub async fn store_of(&self, id: &TenantId) -> Result<Option<Store>, store::Error> {
        let record = self.registry.get(&TENANTS, id.as_str()).await?;
        Ok(record.map(|doc| self.handle(id, doc.value)))
    }

    /// Adds a tenant to the registry, or changes it.
    pub async fn register(&self, id: &TenantId, tenant: &Tenant) -> Result<(), store::Error> {
        self.registry.transact("register-tenant", async |tx| tx.put(&TENANTS, id.as_str(), tenant)).await
    }

    /// Adds a tenant that must be new; else it ends with [`store::Error::AlreadyExists`] and nothing is changed.
    pub async fn register_new(&self, id: &TenantId, tenant: &Tenant) -> Result<(), store::Error> {
        self.registry.transact("register-new-tenant", async |tx| tx.create(&TENANTS, id.as_str(), tenant)).await
    }

    fn handle(&self, id: &TenantId, record: Tenant) -> Store {
        let Tenant { project, database, prefix, .. } = record;
        let database = Database { tenant: id.clone(), project, name: database, prefix };
        let store = Store::new(self.backend.clone(), database, self.random.clone());
        match &self.listener {
            Some(listener) => store.with_listener(listener.clone()),
            None => store,
        }
    }
}
