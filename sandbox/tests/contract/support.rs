//! A caller of the sandbox: raw HTTP with a well-formed, unsigned header.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ciborium::value::Value as Cbor;
use runbook_sandbox::{
    ActiveFault, Entry, Fault, Filter, Handle, Kind, Lifecycles, Options, start_in_thread,
};

/// The sandbox that all tests share.
pub(crate) fn sandbox() -> &'static Handle {
    static SANDBOX: OnceLock<Handle> = OnceLock::new();
    SANDBOX.get_or_init(|| {
        let mut options = Options::for_state(scratch("shared"));
        options.lifecycles = Lifecycles::INSTANT;
        start_in_thread(options).unwrap()
    })
}

/// A folder of this test run.
pub(crate) fn scratch(name: &str) -> PathBuf {
    let root =
        PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("sandbox-{}", std::process::id()));
    let dir = root.join(name);
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

/// An account of its own, in a region.
#[derive(Clone)]
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) region: &'static str,
    /// Used instead of the key that names the account.
    pub(crate) key: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The text of the first element of that name.
    pub(crate) fn get(&self, name: &str) -> String {
        self.all(name).first().cloned().unwrap_or_default()
    }

    pub(crate) fn all(&self, name: &str) -> Vec<String> {
        let text = self.text();
        let Ok(document) = roxmltree::Document::parse(&text) else {
            return Vec::new();
        };
        let found = document
            .descendants()
            .filter(|node| node.tag_name().name() == name);
        found
            .map(|node| node.text().unwrap_or_default().to_owned())
            .collect()
    }

    #[track_caller]
    pub(crate) fn ok(self) -> Answer {
        assert!(self.status < 300, "{} {}", self.status, self.text());
        self
    }

    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: &str) {
        assert_eq!(
            (self.status, self.get("Code").as_str()),
            (status, code),
            "{}",
            self.text()
        );
    }
}

impl Account {
    pub(crate) fn new() -> Account {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Account {
            id: format!("{:012}", NEXT.fetch_add(1, Ordering::Relaxed)),
            region: "us-east-1",
            key: None,
        }
    }

    fn key(&self) -> String {
        self.key
            .clone()
            .unwrap_or_else(|| format!("SANDBOX{}", self.id))
    }

    pub(crate) fn ec2(&self, action: &str, params: &[(&str, &str)]) -> Answer {
        self.try_ec2(action, params).unwrap()
    }

    pub(crate) fn try_ec2(&self, action: &str, params: &[(&str, &str)]) -> std::io::Result<Answer> {
        self.query("ec2", "2016-11-15", action, params)
    }

    pub(crate) fn elb(&self, action: &str, params: &[(&str, &str)]) -> Answer {
        self.query("elasticloadbalancing", "2015-12-01", action, params)
            .unwrap()
    }

    pub(crate) fn query(
        &self,
        scope: &str,
        version: &str,
        action: &str,
        params: &[(&str, &str)],
    ) -> std::io::Result<Answer> {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("Action", action), ("Version", version)])
            .extend_pairs(params)
            .finish();
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        self.send(scope, "POST /", &headers, body.as_bytes())
    }

    pub(crate) fn route53(&self, line: &str, body: &str) -> Answer {
        self.send(
            "route53",
            line,
            &[("content-type", "application/xml")],
            body.as_bytes(),
        )
        .unwrap()
    }

    /// CloudWatch as the Rust SDK speaks it.
    pub(crate) fn cloudwatch(&self, operation: &str, members: &[(&str, Cbor)]) -> (Answer, Cbor) {
        let map = members
            .iter()
            .map(|(name, value)| (Cbor::Text((*name).into()), value.clone()))
            .collect();
        let mut body = Vec::new();
        ciborium::into_writer(&Cbor::Map(map), &mut body).unwrap();
        let headers = [
            ("content-type", "application/cbor"),
            ("smithy-protocol", "rpc-v2-cbor"),
            ("accept", "application/cbor"),
        ];
        let line = format!("POST /service/GraniteServiceVersion20100801/operation/{operation}");
        let answer = self.send("monitoring", &line, &headers, &body).unwrap();
        let cbor =
            ciborium::from_reader(answer.body.as_slice()).unwrap_or_else(|_| panic!("{answer:?}"));
        (answer, cbor)
    }

    pub(crate) fn send(
        &self,
        scope: &str,
        line: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> std::io::Result<Answer> {
        let mut stream = TcpStream::connect(sandbox().url().trim_start_matches("http://"))?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        self.write(&mut stream, scope, line, headers, body)?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes)?;
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        let end = end.ok_or(std::io::ErrorKind::UnexpectedEof)?;
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Ok(Answer {
            status,
            head,
            body: bytes[end + 4..].to_vec(),
        })
    }

    pub(crate) fn write(
        &self,
        stream: &mut TcpStream,
        scope: &str,
        line: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> std::io::Result<()> {
        let mut head = format!(
            "{line} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {}\r\n\
             authorization: AWS4-HMAC-SHA256 Credential={}/20260101/{}/{scope}/aws4_request, \
             SignedHeaders=host, Signature=0\r\n",
            body.len(),
            self.key(),
            self.region
        );
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        stream.write_all(format!("{head}\r\n").as_bytes())?;
        stream.write_all(body)
    }

    pub(crate) fn fault(&self, key: &str, kind: Kind) -> ActiveFault {
        let fault = Fault {
            key: key.into(),
            account: Some(self.id.clone()),
            fault: kind,
        };
        block_on(sandbox().fault(&fault)).unwrap()
    }

    pub(crate) fn clear(&self, key: &str) {
        assert_eq!(
            block_on(sandbox().clear(Some(&self.id), Some(key)))
                .unwrap()
                .len(),
            1
        );
    }

    pub(crate) fn ledger(&self, operation: &str) -> Vec<Entry> {
        block_on(sandbox().ledger(&Filter::account(&self.id).operation(operation))).unwrap()
    }

    /// How often each verdict was given, as the ledger says.
    pub(crate) fn verdicts(&self, operation: &str) -> Vec<String> {
        let name = |entry: &Entry| {
            serde_json::to_value(entry.verdict)
                .unwrap()
                .as_str()
                .unwrap()
                .to_owned()
        };
        self.ledger(operation).iter().map(name).collect()
    }

    pub(crate) fn lifecycles(&self, lifecycles: Lifecycles) {
        block_on(sandbox().set_lifecycles(Some(&self.id), lifecycles)).unwrap();
    }

    /// Launches one instance with these further parameters.
    pub(crate) fn launch(&self, more: &[(&str, &str)]) -> Answer {
        let mut params = vec![
            ("ImageId", "ami-12345678"),
            ("MinCount", "1"),
            ("MaxCount", "1"),
        ];
        params.extend_from_slice(more);
        self.ec2("RunInstances", &params)
    }

    /// The default subnet of a zone.
    pub(crate) fn subnet(&self, zone: &str) -> String {
        let params = [
            ("Filter.1.Name", "availability-zone"),
            ("Filter.1.Value.1", zone),
        ];
        self.ec2("DescribeSubnets", &params).ok().get("subnetId")
    }

    pub(crate) fn vpc(&self) -> String {
        self.ec2("DescribeVpcs", &[]).ok().get("vpcId")
    }

    pub(crate) fn target_group(&self, name: &str) -> String {
        let vpc = self.vpc();
        let params = [
            ("Name", name),
            ("Protocol", "HTTP"),
            ("Port", "80"),
            ("VpcId", vpc.as_str()),
        ];
        self.elb("CreateTargetGroup", &params)
            .ok()
            .get("TargetGroupArn")
    }

    pub(crate) fn health(&self, group: &str) -> Vec<(String, String)> {
        let answer = self
            .elb("DescribeTargetHealth", &[("TargetGroupArn", group)])
            .ok();
        answer
            .all("Id")
            .into_iter()
            .zip(answer.all("State"))
            .collect()
    }
}

pub(crate) fn text(text: &str) -> Cbor {
    Cbor::Text(text.into())
}

/// A member of a CBOR map.
pub(crate) fn member<'a>(map: &'a Cbor, name: &str) -> &'a Cbor {
    let entries = map.as_map().unwrap_or_else(|| panic!("{map:?} is no map"));
    let found = entries.iter().find(|(key, _)| key.as_text() == Some(name));
    &found.unwrap_or_else(|| panic!("{map:?} has no {name}")).1
}
