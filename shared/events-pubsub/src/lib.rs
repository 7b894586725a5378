//! events-pubsub
