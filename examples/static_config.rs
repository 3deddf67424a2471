//! A static configuration of several tables that are swapped as one.
//!
//! Each table has a store of its own, changed by whoever owns it. The configuration in service is a struct that holds
//! one read bucket of each, and is itself the value in a store of one entry. So a publish swaps the whole set at
//! once: nobody ever sees the new users with the old roles.
//!
//! Prints:
//!
//! ```text
//! before: ann is an editor and may [read, write]
//! tables published, configuration not: ann is an editor and may [read, write]
//! after: ann is an owner and may [read, write, delete]
//! ```

use std::sync::LazyLock;

use twinbucket::{ReadBucket, Store};

type Users = Store<&'static str, &'static str>;
type Roles = Store<&'static str, Vec<&'static str>>;

/// Tables that belong together. A clone costs one reference count per table.
#[derive(Clone)]
struct Config {
    /// From user to role.
    users: ReadBucket<&'static str, &'static str>,
    /// From role to rights.
    roles: ReadBucket<&'static str, Vec<&'static str>>,
}

/// The configuration in service: a store whose only key is `()`.
static CONFIG: LazyLock<Store<(), Config>> = LazyLock::new(Store::new);

/// Puts the newest version of all tables into service, by one swap.
fn publish_config(users: &Users, roles: &Roles) {
    CONFIG.insert((), Config { users: users.read(), roles: roles.read() });
}

/// What the configuration in service says about `user`; any thread may ask at any time.
fn describe(user: &str) -> String {
    let config = CONFIG.get(&()).expect("a configuration is in service");
    let role = config.users[user];
    format!("{user} is an {role} and may [{}]", config.roles[role].join(", "))
}

fn main() {
    let users = Users::from([("ann", "editor")]);
    let roles = Roles::from([("editor", vec!["read", "write"])]);
    publish_config(&users, &roles);
    let before = describe("ann");
    println!("before: {before}");

    // `editor` is renamed to `owner` in both tables. Each publish on its own would leave them at odds for a moment.
    users.insert("ann", "owner");
    roles.replace_all([("owner", vec!["read", "write", "delete"])]);
    assert_eq!(describe("ann"), before);
    println!("tables published, configuration not: {}", describe("ann"));

    publish_config(&users, &roles);
    assert_eq!(describe("ann"), "ann is an owner and may [read, write, delete]");
    println!("after: {}", describe("ann"));
}
