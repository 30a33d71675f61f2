//! The adapters' own expressions against a real table: DynamoDB Local is the oracle, as emulators forgive what AWS
//! refuses. They run where `TOLLGATE_DYNAMODB_URL` names one, and say so where it does not.

#[cfg(test)]
mod flags;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod rates;
#[cfg(test)]
mod table;
