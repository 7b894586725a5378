use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::bail;
use events_pubsub::{LIVE_TOPIC, event_topic};
use model::event::family;
use serde_json::{Map, Value, json};
use web::Function;

/// The function that is called to sweep the outboxes; any could be.
const SWEEPER: &str = "audit";
const SWEPT_EVERY: Duration = Duration::from_secs(60);
/// Cloud Scheduler's longest wait for an answer.
const LONGEST_DEADLINE: u64 = 30 * 60;

/// Topics, push subscriptions by handler, and schedules.
pub fn messaging(functions: &[Function]) -> anyhow::Result<Value> {
    let mut subscriptions = Map::new();
    let mut schedules = Map::new();
    for function in functions {
        for handler in &function.handlers {
            let subscription = json!({
                "function": function.name,
                "topic": event_topic(family(handler.event)),
                "event": handler.event,
                "path": format!("/triggers/events/{}", handler.name),
            });
            subscriptions.insert(handler.name.to_owned(), subscription);
        }
        for schedule in &function.schedules {
            schedules.insert(schedule.name.to_owned(), entry(function, schedule.name, schedule.every)?);
        }
        if function.name == SWEEPER {
            schedules.insert(runtime::SWEEP.to_owned(), entry(function, runtime::SWEEP, SWEPT_EVERY)?);
        }
    }
    // Whoever emits an event that nobody handles yet must find its topic.
    let topics: BTreeSet<String> = model::event::names().iter().map(|name| event_topic(family(name))).collect();
    Ok(json!({
        "topics": topics,
        "liveTopic": LIVE_TOPIC,
        "subscriptions": subscriptions,
        "schedules": schedules,
    }))
}

fn entry(function: &Function, name: &str, every: Duration) -> anyhow::Result<Value> {
    Ok(json!({
        "function": function.name,
        "cron": cron(name, every)?,
        "path": format!("/triggers/schedules/{name}"),
        "deadlineSeconds": function.service.timeout.as_secs().clamp(15, LONGEST_DEADLINE),
    }))
}

/// A period as a unix-cron line (<https://cloud.google.com/scheduler/docs/configuring/cron-job-schedules>), which can say
/// whole minutes that divide an hour and whole hours that divide a day. Daily work comes at three in the morning.
fn cron(name: &str, every: Duration) -> anyhow::Result<String> {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    Ok(match every.as_secs() {
        MINUTE => "* * * * *".to_owned(),
        seconds @ 1..HOUR if seconds.is_multiple_of(MINUTE) && HOUR.is_multiple_of(seconds) => {
            format!("*/{} * * * *", seconds / MINUTE)
        }
        HOUR => "0 * * * *".to_owned(),
        seconds @ 1..DAY if seconds.is_multiple_of(HOUR) && DAY.is_multiple_of(seconds) => {
            format!("0 */{} * * *", seconds / HOUR)
        }
        DAY => "0 3 * * *".to_owned(),
        seconds => bail!(
            "the schedule \"{name}\" recurs every {seconds} s, which Cloud Scheduler cannot say: choose minutes that divide an hour, or hours that divide a day"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_written_as_cron_or_refused() {
        let of = |seconds| cron("x", Duration::from_secs(seconds));
        let expected = [
            (60, "* * * * *"),
            (600, "*/10 * * * *"),
            (3600, "0 * * * *"),
            (6 * 3600, "0 */6 * * *"),
            (24 * 3600, "0 3 * * *"),
        ];
        for (seconds, line) in expected {
            assert_eq!(of(seconds).unwrap(), line);
        }
        for refused in [0, 1, 90, 7 * 60, 5 * 3600, 48 * 3600] {
            assert!(of(refused).unwrap_err().to_string().contains("\"x\""), "{refused}");
        }
    }

    #[test]
    fn every_handler_has_a_subscription_to_a_topic_that_is_made() {
        let functions = crate::functions::all();
        let all = messaging(&functions).unwrap();
        let topics: BTreeSet<&str> = all["topics"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let subscriptions = all["subscriptions"].as_object().unwrap();
        let handlers: usize = functions.iter().map(|function| function.handlers.len()).sum();
        assert_eq!(subscriptions.len(), handlers);
        assert!(subscriptions.values().all(|one| topics.contains(one["topic"].as_str().unwrap())));
        assert_eq!(all["schedules"]["outbox-sweep"]["function"], SWEEPER);
    }
}
