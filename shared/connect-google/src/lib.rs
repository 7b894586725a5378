//! Speech-to-Text, and access tokens for the services of Google that take them.
