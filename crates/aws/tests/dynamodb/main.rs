//! The adapters' own expressions against a real table: DynamoDB Local is the oracle, as emulators forgive what AWS
//! refuses. They run where `TOLLGATE_DYNAMODB_URL` names one, and say so where it does not.

#[cfg(test)]
mod accounts;
#[cfg(test)]
mod breakers;
#[cfg(feature = "answers")]
#[cfg(test)]
mod bypasses;
#[cfg(test)]
mod cache;
#[cfg(test)]
mod enforcement;
#[cfg(test)]
mod evidence;
mod feedback;
#[cfg(feature = "answers")]
#[cfg(test)]
mod idempotency;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod lanes;
mod ledger;
#[cfg(test)]
mod ledger_laws;
#[cfg(test)]
mod quotas;
mod rates;
#[cfg(test)]
mod settings;
#[cfg(test)]
mod table;
