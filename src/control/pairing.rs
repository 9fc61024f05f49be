//! Pairing over the control socket: a client's codes are its own, and are given back when it goes.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;
use takopi_core::desk::{CodeInHand, Desk, PairingError};
use takopi_core::id::InstanceId;
use takopi_core::pairing::{CODE_LIFE, Code};
use takopi_stdio::rpc::RpcError;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::server::{json, read};
use super::wire::pair::{Open, Opened, Person, Revoke, Used, Wait, method};
use super::wire::{NOT_FOUND, REFUSED};

/// The codes of one client.
#[derive(Default)]
pub(super) struct Codes(Mutex<Shelf>);

#[derive(Default)]
struct Shelf {
    last: u64,
    open: HashMap<u64, (InstanceId, CodeInHand)>,
}

impl Codes {
    /// Answers a request; `None` when it is not about pairing.
    pub(super) async fn request(
        &self,
        desk: &Desk,
        method: &str,
        params: &Value,
        cancel: &CancellationToken,
    ) -> Option<Result<Value, RpcError>> {
        Some(match method {
            method::OPEN => self.open(desk, params),
            method::WAIT => self.wait(params, cancel).await,
            method::LIST => json(&people(desk)),
            method::REVOKE => revoke(desk, params).await,
            _ => return None,
        })
    }

    fn open(&self, desk: &Desk, params: &Value) -> Result<Value, RpcError> {
        let Open { instance } = read(params.clone())?;
        let (instance, reach) = choose(desk.pairing(), instance)?;
        let code = mint();
        let in_hand = desk.open_code(&instance, code).map_err(|error| {
            let code = if error == PairingError::TooMany { REFUSED } else { NOT_FOUND };
            RpcError::new(code, error.to_string())
        })?;
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.last += 1;
        let number = shelf.last;
        shelf.open.insert(number, (instance.clone(), in_hand));
        json(&Opened { number, instance, code: code.to_string(), valid_s: CODE_LIFE.as_secs(), reach })
    }

    async fn wait(&self, params: &Value, cancel: &CancellationToken) -> Result<Value, RpcError> {
        let Wait { number } = read(params.clone())?;
        let found = self.0.lock().unwrap_or_else(PoisonError::into_inner).open.remove(&number);
        let (instance, in_hand) = found.ok_or_else(|| RpcError::new(NOT_FOUND, "there is no such code"))?;
        let taken = tokio::select! {
            taken = in_hand.taken() => taken,
            () = cancel.cancelled() => return Err(RpcError::cancelled()),
        };
        json(&Used { paired: taken.map(|paired| Person::new(instance, paired)) })
    }
}

/// Returns the instance that is meant and where people are served who are paired there.
fn choose(
    served: Vec<(InstanceId, String)>,
    named: Option<InstanceId>,
) -> Result<(InstanceId, String), RpcError> {
    let names: Vec<String> = served.iter().map(|(id, _)| id.to_string()).collect();
    match (named, served.as_slice()) {
        (Some(named), _) => served.into_iter().find(|(id, _)| *id == named).ok_or_else(|| {
            let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            RpcError::new(
                NOT_FOUND,
                format!("nobody can be paired on '{named}'; bots that are served: {known}"),
            )
        }),
        (None, [one]) => Ok(one.clone()),
        (None, []) => {
            let text = "no bot is served that people can be paired with; `takopi onboard` sets one up";
            Err(RpcError::new(NOT_FOUND, text))
        }
        (None, [first, ..]) => {
            let text =
                format!("several bots are served: {}; name one, as --instance {}", names.join(", "), first.0);
            Err(RpcError::new(REFUSED, text))
        }
    }
}

/// Returns a random code.
fn mint() -> Code {
    // Bytes 10 to 15 of a version 4 UUID are random throughout.
    let [.., a, b, c, d, e] = Uuid::new_v4().into_bytes();
    Code::from_random([a, b, c, d, e])
}

fn people(desk: &Desk) -> Vec<Person> {
    let of = |instance: InstanceId| {
        desk.paired(&instance).into_iter().map(move |paired| Person::new(instance.clone(), paired))
    };
    desk.pairing().into_iter().flat_map(|(instance, _)| of(instance)).collect()
}

async fn revoke(desk: &Desk, params: &Value) -> Result<Value, RpcError> {
    let Revoke { id, instance } = read(params.clone())?;
    let mut gone = Vec::new();
    for (served, _) in desk.pairing() {
        if instance.as_ref().is_some_and(|named| *named != served) {
            continue;
        }
        let paired = desk.unpair(&served, &id).await;
        let paired = paired.map_err(|error| RpcError::new(RpcError::INTERNAL, error.to_string()))?;
        gone.extend(paired.map(|paired| Person::new(served, paired)));
    }
    if gone.is_empty() {
        let text = format!("nobody with the id {id} is paired; `takopi pair list` names who is");
        return Err(RpcError::new(NOT_FOUND, text));
    }
    json(&gone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_bot_is_meant_is_clear_or_asked_for() {
        let id = |name: &str| InstanceId::parse(name).unwrap();
        let served = |names: &[&str]| names.iter().map(|name| (id(name), String::new())).collect::<Vec<_>>();
        let chosen = |names: &[&str], named: Option<&str>| {
            choose(served(names), named.map(id)).map(|(id, _)| id.to_string()).map_err(|error| error.message)
        };
        assert_eq!(chosen(&["telegram"], None).unwrap(), "telegram");
        assert_eq!(chosen(&["telegram", "work"], Some("work")).unwrap(), "work");
        let asked = chosen(&["telegram", "work"], None).unwrap_err();
        assert_eq!(asked, "several bots are served: telegram, work; name one, as --instance telegram");
        let unknown = chosen(&["telegram"], Some("local")).unwrap_err();
        assert_eq!(unknown, "nobody can be paired on 'local'; bots that are served: telegram");
        assert!(chosen(&[], None).unwrap_err().contains("takopi onboard"));
    }
}
