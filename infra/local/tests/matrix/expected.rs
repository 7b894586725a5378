//! What is expected: `infra/contract/access.tsv`, read.

use std::collections::BTreeMap;

use kernel::Role;

use crate::contract::lines;
use crate::scene::Relation;

/// What a line of the table expects.
#[derive(Debug)]
pub(crate) struct Line {
    /// `METHOD /path`.
    pub(crate) operation: String,
    /// What a success leaves in the audit log.
    pub(crate) audit: Audit,
    answers: BTreeMap<(Relation, Role), Answer>,
    /// What someone without a token gets.
    pub(crate) anonymous: u16,
}

/// What a success leaves in the audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audit {
    /// An entry that names the caller and the patient.
    Patient,
    /// An entry that names the caller.
    Caller,
    /// The same, unless it was about the caller.
    Others,
    /// An entry with this action, of an event of signing in.
    Event(&'static str),
    /// None: public, or nothing but the caller's own settings.
    Exempt,
}

/// An answer that is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Its status.
    pub(crate) status: u16,
    /// Whether it must show nothing of what it was asked about: `200~` in the table, and all that is refused.
    pub(crate) is_blind: bool,
    /// Whether a refusal may tell that the thing is there: `403!` in the table.
    pub(crate) may_tell: bool,
}

impl Line {
    /// What someone of this role in this relation gets; `None` where there is no such case.
    pub(crate) fn answer(&self, relation: Relation, role: Role) -> Option<Answer> {
        self.answers.get(&(relation, role)).copied()
    }
}

/// The whole table.
pub(crate) fn table() -> Vec<Line> {
    lines(include_str!("../../../contract/access.tsv")).into_iter().map(line).collect()
}

fn line(cells: Vec<&'static str>) -> Line {
    let [method, path, audit, own, related, unrelated, other_tenant, unverified, anonymous] = cells[..] else {
        panic!("a line of nine columns: {cells:?}")
    };
    let operation = format!("{method} {path}");
    let audit = match audit {
        "patient" => Audit::Patient,
        "caller" => Audit::Caller,
        "others" => Audit::Others,
        "no" => Audit::Exempt,
        action if action.starts_with("auth.") => Audit::Event(action),
        other => panic!("{operation}: audit is patient, caller, others, an action of auth or no, and not {other}"),
    };
    let mut answers = BTreeMap::new();
    let columns = [
        (Relation::Own, own),
        (Relation::Related, related),
        (Relation::Unrelated, unrelated),
        (Relation::OtherTenant, other_tenant),
        (Relation::Unverified, unverified),
    ];
    for (relation, cell) in columns {
        for (role, answer) in cell_of(&operation, cell) {
            // Only staff waits to be verified.
            if relation != Relation::Unverified || role.is_staff() {
                answers.insert((relation, role), answer);
            }
        }
    }
    let anonymous = anonymous.parse().unwrap_or_else(|_| panic!("{operation}: anonymous gets a status"));
    Line { operation, audit, answers, anonymous }
}

/// A cell: `-`, or who gets what, such as `Doctor,Nurse=201 *=403` or `200`.
fn cell_of(operation: &str, cell: &str) -> Vec<(Role, Answer)> {
    let mut answers = BTreeMap::new();
    for part in cell.split_whitespace().filter(|part| *part != "-") {
        let (who, answer) = part.split_once('=').unwrap_or(("*", part));
        let answer = answer_of(answer).unwrap_or_else(|| panic!("{operation}: \"{part}\" names no status"));
        for role in who.split(',').flat_map(|name| roles(operation, name)) {
            let is_rest = who == "*";
            let before = answers.get(&role).copied();
            assert!(is_rest || before.is_none(), "{operation}: two answers for {role} in \"{cell}\"");
            answers.entry(role).or_insert(answer);
        }
    }
    answers.into_iter().collect()
}

fn answer_of(text: &str) -> Option<Answer> {
    let status = text.trim_end_matches(['~', '!']).parse().ok()?;
    Some(Answer { status, is_blind: text.ends_with('~') || status >= 400, may_tell: text.ends_with('!') })
}

fn roles(operation: &str, name: &str) -> Vec<Role> {
    let those = |wanted: fn(&Role) -> bool| Role::ALL.into_iter().filter(wanted).collect();
    match name {
        "*" => Role::ALL.to_vec(),
        "admins" => those(|role| role.is_admin()),
        "clinicians" => those(|role| role.is_clinical()),
        "staff" => those(|role| role.is_staff()),
        one => vec![one.parse().unwrap_or_else(|_| panic!("{operation}: \"{one}\" is no role"))],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_say_who_gets_what() {
        let answers: BTreeMap<_, _> =
            cell_of("GET /x", "admins=403! Doctor,Nurse=201~ Patient=200 *=404").into_iter().collect();
        let answer = |status, is_blind, may_tell| Answer { status, is_blind, may_tell };
        assert_eq!(answers.len(), 10);
        assert_eq!(answers[&Role::ClinicAdmin], answer(403, true, true));
        assert_eq!(answers[&Role::Nurse], answer(201, true, false));
        assert_eq!(answers[&Role::Patient], answer(200, false, false));
        assert_eq!(answers[&Role::Family], answer(404, true, false));
        assert_eq!(cell_of("GET /x", "-"), []);
    }
}
