use axum::extract::State;
use http::StatusCode;
use kernel::AddressId;
use model::address::{ADDRESS_BOOKS, Address, MOST_ADDRESSES};
use web::{ApiError, App, Caller, Code, Json, Problems};

use crate::accounts::AccountKey;
use crate::addresses::{AddressBody, AddressView};

/// Add an address
///
/// A user has at most 20, and one of them is the default.
#[utoipa::path(
    post, path = "/api/v1/users/me/addresses", tag = "users", security(("bearer" = [])),
    request_body = AddressBody,
    responses((status = 201, body = AddressView, description = "The address"), Problems),
)]
pub(crate) async fn add_address(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<AddressBody>,
) -> Result<(StatusCode, Json<AddressView>), ApiError> {
    let key = AccountKey::of(&app, &caller.store, caller.user()).await?;
    let id = AddressId::generate(app.random.as_ref());
    caller.trail.action("address.add").entity("address", &id);
    let now = app.now();
    let as_default = body.is_default == Some(true);
    let address = Address { content: body.seal(&key, &id)?, id, created_at: now, updated_at: now };
    let user = caller.user().as_str();
    let book = caller
        .store
        .transact("add-address", async |tx| {
            let mut book = tx.get(&ADDRESS_BOOKS, user).await?.map(|doc| doc.value).unwrap_or_default();
            if book.addresses.len() >= MOST_ADDRESSES {
                let told = format!("You have {MOST_ADDRESSES} addresses; remove one before you add another.");
                return Err(ApiError::new(Code::ValidationError, told));
            }
            book.add(address.clone(), as_default);
            tx.put(&ADDRESS_BOOKS, user, &book)?;
            Ok::<_, ApiError>(book)
        })
        .await?;
    Ok((StatusCode::CREATED, Json(AddressView::open(&key, &book, &address)?)))
}

#[cfg(test)]
mod tests {
    use kernel::Role;
    use serde_json::{Value, json};
    use testkit::{TestApp, TestUser};

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        addresses_come_and_go_and_one_is_the_default, many_at_once_stay_within_20, what_is_wrong_is_named,
        nobody_sees_anothers, nothing_is_stored_in_clear,
    }

    const PATH: &str = "/api/v1/users/me/addresses";

    fn body(street: &str) -> Value {
        json!({"street": street, "city": "Springfield", "country": "US"})
    }

    async fn add(app: &TestApp, by: &TestUser, body: &Value) -> Value {
        app.post(PATH).by(by).json(body).expect(201).await
    }

    async fn list(app: &TestApp, by: &TestUser) -> Vec<(String, bool)> {
        let list = app.get(PATH).by(by).expect(200).await;
        let street = |one: &Value| (one["street"].as_str().unwrap().to_owned(), one["isDefault"].as_bool().unwrap());
        list["data"].as_array().unwrap().iter().map(street).collect()
    }

    fn at(address: &Value) -> String {
        format!("{PATH}/{}", address["id"].as_str().unwrap())
    }

    fn listed(expected: &[(&str, bool)]) -> Vec<(String, bool)> {
        expected.iter().map(|(street, is_default)| ((*street).to_owned(), *is_default)).collect()
    }

    async fn addresses_come_and_go_and_one_is_the_default(app: TestApp) {
        let pat = app.user(Role::Patient, "Pat").await;
        assert!(list(&app, &pat).await.is_empty());
        let mut all = body(" 1 Lake Street ");
        for (field, value) in [("addressType", "work"), ("state", "IL"), ("postalCode", "62704")] {
            all[field] = value.into();
        }
        let first = add(&app, &pat, &all).await;
        let now = app.app.now();
        let expected = json!({
            "id": first["id"], "addressType": "work", "street": "1 Lake Street", "city": "Springfield", "state": "IL",
            "postalCode": "62704", "country": "US", "isDefault": true, "createdAt": now, "updatedAt": now,
        });
        assert_eq!(first, expected);
        let second = add(&app, &pat, &body("2 Hill Road")).await;
        assert_eq!(second["isDefault"], false);
        let mut third = body("3 Moor Lane");
        third["isDefault"] = true.into();
        let third = add(&app, &pat, &third).await;
        assert_eq!(
            list(&app, &pat).await,
            listed(&[("1 Lake Street", false), ("2 Hill Road", false), ("3 Moor Lane", true)])
        );

        let mut changed = body("2 Hill Crescent");
        changed["isDefault"] = true.into();
        let put = app.put(&at(&second)).by(&pat).json(&changed).expect(200).await;
        assert_eq!(
            (&put["street"], &put["isDefault"], &put["id"]),
            (&json!("2 Hill Crescent"), &json!(true), &second["id"])
        );
        changed["isDefault"] = false.into();
        let refused = app.put(&at(&second)).by(&pat).json(&changed).refused(400, "VALIDATION_ERROR").await;
        assert_eq!(refused, "isDefault");
        app.put(&at(&third)).by(&pat).json(&body("3 Moor Lane")).expect(200).await;

        assert_eq!(app.delete(&at(&second)).by(&pat).expect(200).await, json!({"success": true}));
        assert_eq!(list(&app, &pat).await, listed(&[("1 Lake Street", true), ("3 Moor Lane", false)]));
        app.delete(&at(&second)).by(&pat).refused(404, "NOT_FOUND").await;
        for (action, times) in [("address.add", 3), ("address.update", 2), ("address.remove", 1)] {
            assert_eq!(crate::testing::audit(&app, action).await.len(), times, "{action}");
        }
        app.put(&at(&second)).by(&pat).json(&body("x")).refused(404, "NOT_FOUND").await;
    }

    async fn many_at_once_stay_within_20(app: TestApp) {
        let pat = app.user(Role::Patient, "Pat").await;
        for n in 0..18 {
            add(&app, &pat, &body(&format!("{n} Lake Street"))).await;
        }
        let (one, two) = (body("18"), body("19"));
        let adding = [&one, &two, &one].map(|body| app.post(PATH).by(&pat).json(body).send());
        let mut statuses: Vec<u16> = Vec::new();
        for adding in adding {
            statuses.push(adding.await.status.as_u16());
        }
        assert_eq!(statuses, [201, 201, 400]);
        let listed = list(&app, &pat).await;
        assert_eq!((listed.len(), listed.iter().filter(|(_, is_default)| *is_default).count()), (20, 1));
    }

    async fn what_is_wrong_is_named(app: TestApp) {
        let pat = app.user(Role::Patient, "Pat").await;
        for (field, wrong) in [
            ("street", json!("")),
            ("street", json!("x".repeat(201))),
            ("city", json!("a\nb")),
            ("country", json!(null)),
            ("postalCode", json!(62704)),
            ("state", json!(" ")),
            ("addressType", json!("castle")),
            ("isDefault", json!("yes")),
            ("phone", json!("1")),
        ] {
            let mut body = body("1 Lake Street");
            body[field] = wrong;
            assert_eq!(app.post(PATH).by(&pat).json(&body).refused(400, "VALIDATION_ERROR").await, field);
        }
        app.get(PATH).refused(401, "UNAUTHORIZED").await;
    }

    async fn nobody_sees_anothers(app: TestApp) {
        let (pat, sam) = (app.user(Role::Patient, "Pat").await, app.user(Role::Patient, "Sam").await);
        let address = add(&app, &pat, &body("1 Lake Street")).await;
        assert!(list(&app, &sam).await.is_empty());
        app.put(&at(&address)).by(&sam).json(&body("x")).refused(404, "NOT_FOUND").await;
        app.delete(&at(&address)).by(&sam).refused(404, "NOT_FOUND").await;
        assert_eq!(list(&app, &pat).await.len(), 1);
    }

    async fn nothing_is_stored_in_clear(app: TestApp) {
        let pat = app.user(Role::Patient, "Pat").await;
        add(&app, &pat, &body("Canary Street")).await;
        let stored: store::Collection<Value> = store::Collection::top("address-books", &[]);
        let found = app.store.query(&stored, &stored.all()).await.unwrap();
        assert_eq!(found.len(), 1);
        let text = found[0].value.to_string();
        assert!(!text.contains("Canary") && !text.contains("Springfield"), "{text}");
    }
}
