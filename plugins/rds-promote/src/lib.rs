//! Makes an RDS read replica the writer, and waits without holding anything.

use runbook_plugin::prelude::*;

const API: &str = "2014-10-31";

/// Which replica to promote.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Promotion {
    /// Identifier of the read replica.
    #[schemars(length(min = 1))]
    instance: String,
    /// Region of the replica; the environment's if left out.
    region: Option<String>,
    /// Account or role, by its alias in the environment.
    identity: Option<String>,
    /// Days that automatic backups are kept from now on; 0 switches them off.
    #[schemars(range(max = 35))]
    backup_retention_days: Option<u8>,
    /// Seconds between two looks at the instance.
    #[serde(default = "poll_s")]
    #[schemars(range(min = 1, max = 600))]
    poll_s: u64,
}

/// The instance that takes writes now.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Writer {
    /// Its identifier.
    instance: String,
    /// Name to connect to.
    address: Option<String>,
    /// Port to connect to.
    port: Option<u16>,
    /// What it was a replica of, when that is known.
    source: Option<String>,
}

/// Which instance is to become writable.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Watched {
    /// Identifier of the instance.
    #[schemars(length(min = 1))]
    instance: String,
    /// Region of the instance; the environment's if left out.
    region: Option<String>,
    /// Account or role, by its alias in the environment.
    identity: Option<String>,
    /// Seconds between two looks at it.
    #[serde(default = "poll_s")]
    #[schemars(range(min = 1, max = 600))]
    poll_s: u64,
}

fn poll_s() -> u64 {
    15
}

/// What survives a pause or a crash.
#[derive(Serialize, Deserialize)]
struct Progress {
    source: Option<String>,
    /// Whether AWS has taken the request; false is the note from just before.
    requested: bool,
}

/// What RDS says about an instance.
struct Seen {
    status: String,
    source: Option<String>,
    address: Option<String>,
    port: Option<u16>,
}

impl Seen {
    fn writable(&self) -> bool {
        self.source.is_none() && self.status == "available"
    }

    fn writer(self, instance: String, source: Option<String>) -> Writer {
        Writer {
            instance,
            address: self.address,
            port: self.port,
            source,
        }
    }
}

impl Watched {
    fn look(&self) -> StepResult<Seen> {
        let found = aws::query("rds", API, "DescribeDBInstances")
            .param("DBInstanceIdentifier", &self.instance)
            .region(self.region.as_deref())
            .identity(self.identity.as_deref())
            .call()?;
        let Some(status) = found.xml_text("DBInstanceStatus") else {
            return Err(StepError::permanent(
                "rds-no-instance",
                format!("RDS answered without an instance named {}", self.instance),
            ));
        };
        Ok(Seen {
            status,
            source: found
                .xml_text("ReadReplicaSourceDBInstanceIdentifier")
                .filter(|source| !source.is_empty()),
            address: found.xml_text("Address"),
            port: found.xml_text("Port").and_then(|port| port.parse().ok()),
        })
    }

    fn look_again<T>(&self, state: impl Serialize, status: &str) -> StepResult<Outcome<T>> {
        let note = format!("{} is {status}", self.instance);
        progress::report(&note, None);
        Outcome::wait(self.poll_s.saturating_mul(1000), state, note)
    }
}

impl Promotion {
    fn watched(&self) -> Watched {
        Watched {
            instance: self.instance.clone(),
            region: self.region.clone(),
            identity: self.identity.clone(),
            poll_s: self.poll_s,
        }
    }

    fn request(&self) -> Result<(), aws::AwsError> {
        let mut request = aws::query("rds", API, "PromoteReadReplica")
            .param("DBInstanceIdentifier", &self.instance)
            .region(self.region.as_deref())
            .identity(self.identity.as_deref());
        if let Some(days) = self.backup_retention_days {
            request = request.param("BackupRetentionPeriod", days);
        }
        request.try_call().map(|_| ())
    }

    /// Asks for the promotion; `source` is what the replica copies now.
    fn promote(&self, source: Option<String>) -> StepResult<Outcome<Writer>> {
        // On disk before the request: whoever comes after a crash knows what was meant.
        checkpoint::save(&Progress {
            source: source.clone(),
            requested: false,
        })?;
        match self.request() {
            Ok(()) => {}
            // An earlier attempt was faster: RDS refuses a second promotion while one goes on.
            Err(error)
                if context::attempt() > 1 && error.code() == Some("InvalidDBInstanceState") =>
            {
                log::info(
                    "RDS is promoting it already",
                    &[("instance", &self.instance)],
                );
            }
            Err(error) => return Err(error.explain("rds:PromoteReadReplica", true)),
        }
        self.watched().look_again(
            Progress {
                source,
                requested: true,
            },
            "being promoted",
        )
    }
}

struct Promote;

impl Step for Promote {
    const NAME: &'static str = "promote";
    const SUMMARY: &'static str = "Promote an RDS read replica and wait until it takes writes";
    const IDEMPOTENCY: Idempotency = Idempotency::Reconcilable;
    const TYPICAL_MS: Option<u64> = Some(300_000);
    const PLAN: bool = true;
    const IRREVERSIBLE: Option<&'static str> = Some(
        "a promoted replica has a history of its own and never follows its source again; \
         to go back, make a new replica of the new writer and promote that",
    );
    type Input = Promotion;
    type Output = Writer;

    fn examples() -> Vec<Value> {
        vec![json!({ "instance": "orders-replica", "region": "us-west-2" })]
    }

    fn run(input: Promotion) -> StepResult<Outcome<Writer>> {
        let seen = input.watched().look()?;
        match context::resume::<Progress>()? {
            None if seen.source.is_none() => Err(StepError::permanent(
                "rds-not-replica",
                format!(
                    "{} is no read replica (it is {}): nothing to promote",
                    input.instance, seen.status
                ),
            )),
            Some(was) if seen.writable() => {
                Ok(Outcome::Done(seen.writer(input.instance, was.source)))
            }
            // Between the note and the request the process was lost.
            Some(was) if !was.requested && seen.source.is_some() => input.promote(seen.source),
            Some(was) => {
                let was = Progress {
                    requested: true,
                    ..was
                };
                input.watched().look_again(was, &seen.status)
            }
            None => input.promote(seen.source),
        }
    }

    fn reconcile(input: Promotion) -> StepResult<Verdict<Writer>> {
        let seen = input.watched().look()?;
        let was = context::resume::<Progress>()?;
        let Some(was) = was else {
            // Without a note the request was never reached.
            return Ok(Verdict::DidNotHappen);
        };
        if seen.writable() {
            return Ok(Verdict::Happened(seen.writer(input.instance, was.source)));
        }
        // RDS shows a promotion that it has taken as a change of the instance. One that it does
        // not show yet it would refuse to take twice, so asking again is safe.
        if seen.source.is_some() && seen.status == "available" && !was.requested {
            return Ok(Verdict::DidNotHappen);
        }
        let state = serde_json::to_value(Progress {
            requested: true,
            ..was
        })?;
        Ok(Verdict::InProgress(state))
    }

    fn plan(input: Promotion) -> StepResult<Vec<Effect>> {
        let seen = input.watched().look()?;
        Ok(match seen.source {
            Some(source) => vec![Effect {
                before: Some(json!({ "replica_of": source, "status": seen.status })),
                after: Some(json!({ "replica_of": null, "status": "available" })),
                ..Effect::new(format!("promote {}, a replica of {source}", input.instance))
            }],
            None => vec![Effect::new(format!(
                "fail: {} is no read replica",
                input.instance
            ))],
        })
    }
}

struct WaitWritable;

impl Step for WaitWritable {
    const NAME: &'static str = "wait_writable";
    const SUMMARY: &'static str = "Wait until an RDS instance is no replica and available";
    const IDEMPOTENCY: Idempotency = Idempotency::Pure;
    const TYPICAL_MS: Option<u64> = Some(60_000);
    type Input = Watched;
    type Output = Writer;

    fn run(input: Watched) -> StepResult<Outcome<Writer>> {
        let seen = input.look()?;
        if seen.writable() {
            return Ok(Outcome::Done(seen.writer(input.instance, None)));
        }
        match seen.status.as_str() {
            "failed"
            | "deleting"
            | "storage-full"
            | "incompatible-parameters"
            | "incompatible-network"
            | "incompatible-restore" => Err(StepError::permanent(
                "rds-will-not-be-available",
                format!(
                    "{} is {}: waiting will not help",
                    input.instance, seen.status
                ),
            )),
            status => input.look_again(json!({}), status),
        }
    }
}

runbook_plugin::plugin! {
    wants: [
        Want::Aws("rds:DescribeDBInstances", "see whether the instance is still a replica"),
        Want::Aws("rds:PromoteReadReplica", "make it the writer"),
    ],
    steps: [Promote, WaitWritable],
    exports: [recovery, preview],
}

#[cfg(test)]
mod tests {
    use super::*;
    use runbook_plugin::fake::Fake;

    const REPLICA: &str = "<DBInstanceStatus>available</DBInstanceStatus>\
        <ReadReplicaSourceDBInstanceIdentifier>orders</ReadReplicaSourceDBInstanceIdentifier>";
    const WRITER: &str = "<DBInstanceStatus>available</DBInstanceStatus>\
        <Endpoint><Address>db.example.org</Address><Port>5432</Port></Endpoint>";

    fn input() -> Promotion {
        serde_json::from_value(json!({ "instance": "replica" })).unwrap()
    }

    #[test]
    fn the_note_is_written_before_the_request() {
        let host = Fake::new().aws(REPLICA).aws("").install();
        let Outcome::Wait {
            after_ms, state, ..
        } = Promote::run(input()).unwrap()
        else {
            panic!("a promotion takes minutes");
        };
        assert_eq!((after_ms, &state["requested"]), (15_000, &json!(true)));
        let sent = host.sent();
        assert!(sent[1].starts_with("checkpoint"), "{sent:?}");
        assert!(sent[2].starts_with("rds:PromoteReadReplica"), "{sent:?}");
    }

    #[test]
    fn a_crash_before_the_request_is_told_from_one_after_it() {
        let note = json!({ "source": "orders", "requested": false });
        let _host = Fake::new().resume(&note).aws(REPLICA).install();
        assert!(matches!(
            Promote::reconcile(input()).unwrap(),
            Verdict::DidNotHappen
        ));

        let _host = Fake::new().resume(&note).aws(WRITER).install();
        assert!(matches!(
            Promote::reconcile(input()).unwrap(),
            Verdict::Happened(_)
        ));
    }
}
