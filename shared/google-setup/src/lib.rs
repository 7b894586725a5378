//! What a project needs beside what Terraform makes: databases of new tenants, their keys, and secrets.
