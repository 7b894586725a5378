//! store-firestore
