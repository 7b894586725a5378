//! Wraps data keys by Cloud KMS.
