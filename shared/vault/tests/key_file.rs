//! The key file of one machine.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::{error::Error as _, fs};

use common::{HeldClock, Seeded};
use kernel::TenantId;
use vault::secret_file::SecretFileError;
use vault::{DataKeyBytes, Error, KeyFile, KeyFileError, KeyWrap};

fn open(path: &Path, seed: u64) -> Result<KeyFile, KeyFileError> {
    KeyFile::open_or_create(path, Seeded::new(seed), HeldClock::new())
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[tokio::test]
async fn it_is_made_once_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys/master.json");
    let tenant: TenantId = "clinic".parse().unwrap();
    let data_key = DataKeyBytes::generate(Seeded::new(9).as_ref());
    let wrapped = open(&path, 1).unwrap().wrap(&tenant, "chat_1", &data_key).await.unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no temporary file stays");

    let again = open(&path, 2).unwrap();
    let unwrapped = again.unwrap(&tenant, "chat_1", &wrapped).await.unwrap();
    assert_eq!(unwrapped.expose(), data_key.expose());
    let elsewhere = again.unwrap(&"other".parse().unwrap(), "chat_1", &wrapped).await;
    assert!(matches!(elsewhere, Err(Error::DamagedKey { .. })));
    let secret = fs::read_to_string(&path).unwrap();
    let shown = format!("{again:?} {wrapped:?} {data_key:?}");
    let encoded = secret.split('"').rev().nth(1).unwrap();
    assert!(encoded.len() == 44 && !shown.contains(encoded), "{shown}");
}

#[tokio::test]
async fn processes_that_start_at_once_agree_on_one_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("master.json");
    let starts: Vec<_> = (0..8)
        .map(|seed| {
            let path = path.clone();
            std::thread::spawn(move || open(&path, seed).unwrap())
        })
        .collect();
    let files: Vec<KeyFile> = starts.into_iter().map(|start| start.join().unwrap()).collect();
    let tenant: TenantId = "clinic".parse().unwrap();
    let data_key = DataKeyBytes::generate(Seeded::new(9).as_ref());
    let wrapped = files[0].wrap(&tenant, "tenant", &data_key).await.unwrap();
    for file in &files {
        assert_eq!(file.unwrap(&tenant, "tenant", &wrapped).await.unwrap().expose(), data_key.expose());
    }
}

#[tokio::test]
async fn after_rotation_old_keys_still_unwrap() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("master.json");
    let tenant: TenantId = "clinic".parse().unwrap();
    let data_key = DataKeyBytes::generate(Seeded::new(5).as_ref());
    write(&path, &format!(r#"{{"current":"a","keys":{{"a":"{}="}}}}"#, "A".repeat(43)));
    let old = open(&path, 1).unwrap().wrap(&tenant, "tenant", &data_key).await.unwrap();
    write(&path, &format!(r#"{{"current":"b","keys":{{"a":"{}=","b":"{}="}}}}"#, "A".repeat(43), "B".repeat(42) + "A"));
    let rotated = open(&path, 1).unwrap();
    assert_eq!(rotated.unwrap(&tenant, "tenant", &old).await.unwrap().expose(), data_key.expose());
    let new = rotated.wrap(&tenant, "tenant", &data_key).await.unwrap();
    assert_eq!((old.wrapped_by.as_str(), new.wrapped_by.as_str()), ("a", "b"));
    write(&path, &format!(r#"{{"current":"b","keys":{{"b":"{}="}}}}"#, "B".repeat(42) + "A"));
    let shortened = open(&path, 1).unwrap();
    assert!(matches!(shortened.unwrap(&tenant, "tenant", &old).await, Err(Error::UnknownWrappingKey { .. })));
}

#[test]
fn a_file_open_to_others_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("master.json");
    open(&path, 1).unwrap();
    for mode in [0o640, 0o604, 0o620, 0o677] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let error = open(&path, 1).unwrap_err();
        let told = error.source().unwrap().to_string();
        assert!(told.contains("chmod 600") && told.contains(&format!("{mode:03o}")), "{told}");
    }
    let folder_instead = open(folder.path(), 1).unwrap_err();
    let KeyFileError::File(SecretFileError::OpenToOthers { .. } | SecretFileError::NotAFile { .. }) = folder_instead
    else {
        panic!("{folder_instead}");
    };
}

#[test]
fn a_wrong_file_says_what_is_wrong_without_its_keys() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("master.json");
    for (text, told) in [
        ("", "line 1"),
        ("{\"current\":\"a\",\"keys\":{\"a\":secret}}", "line 1"),
        ("{\"current\":\"a\",\"keys\":{\"a\":\"c2VjcmV0\"}}", "key \"a\" is not 32 bytes"),
        ("{\"current\":\"a\",\"keys\":{}}", "current key \"a\" is not among"),
        ("{\"current\":\"a\",\"keys\":{},\"more\":1}", "fields current and keys"),
    ] {
        write(&path, text);
        let error = open(&path, 1).unwrap_err().to_string();
        assert!(error.contains(told) && !error.contains("secret") && !error.contains("c2Vj"), "{error}");
    }
}
