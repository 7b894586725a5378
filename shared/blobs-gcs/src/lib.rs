//! Blobs in a Cloud Storage bucket.
