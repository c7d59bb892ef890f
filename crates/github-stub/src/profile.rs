//! A profile for any name: real-looking, in GitHub's field order, and always the same for the same name.

use std::time::{Duration, SystemTime};

use serde::Serialize;

use crate::dice::Dice;

/// What GitHub calls a public user, fields in the order GitHub sends them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "GitHub's fields, documented by GitHub")]
pub struct Profile {
    pub login: String,
    pub id: u64,
    pub node_id: String,
    pub avatar_url: String,
    pub gravatar_id: &'static str,
    pub url: String,
    pub html_url: String,
    pub followers_url: String,
    pub following_url: String,
    pub gists_url: String,
    pub starred_url: String,
    pub subscriptions_url: String,
    pub organizations_url: String,
    pub repos_url: String,
    pub events_url: String,
    pub received_events_url: String,
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub user_view_type: &'static str,
    pub site_admin: bool,
    pub name: Option<String>,
    pub company: Option<&'static str>,
    pub blog: String,
    pub location: Option<&'static str>,
    pub email: Option<String>,
    pub hireable: Option<bool>,
    pub bio: Option<String>,
    pub twitter_username: Option<String>,
    pub public_repos: u64,
    pub public_gists: u64,
    pub followers: u64,
    pub following: u64,
    pub created_at: String,
    pub updated_at: String,
}

/// A name as `[A-Za-z0-9_-]{1,39}`, which holds every name GitHub ever gave out.
#[must_use]
pub fn is_valid_name(name: &str) -> bool {
    (1..=39).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

impl Profile {
    /// The profile of `name`. Case makes no difference but to `login` and what is made of it.
    #[must_use]
    pub fn of(name: &str) -> Profile {
        let mut dice = Dice::of(0, name, 0);
        let day = dice.below(DAYS);
        // GitHub numbers its users as they come, and they came ever faster.
        let id = 1 + day * day * 190_000_000 / (DAYS * DAYS) + dice.below(20_000);
        let created = OPENED + day * 86_400 + dice.below(86_400);
        let api = format!("https://api.github.com/users/{name}");
        let first = dice.pick(&FIRST_NAMES);
        let person = format!("{first} {}", dice.pick(&LAST_NAMES));
        let handle = name.replace('-', "_").to_ascii_lowercase();
        Profile {
            id,
            node_id: node_id(id),
            avatar_url: format!("https://avatars.githubusercontent.com/u/{id}?v=4"),
            gravatar_id: "",
            html_url: format!("https://github.com/{name}"),
            followers_url: format!("{api}/followers"),
            following_url: format!("{api}/following{{/other_user}}"),
            gists_url: format!("{api}/gists{{/gist_id}}"),
            starred_url: format!("{api}/starred{{/owner}}{{/repo}}"),
            subscriptions_url: format!("{api}/subscriptions"),
            organizations_url: format!("{api}/orgs"),
            repos_url: format!("{api}/repos"),
            events_url: format!("{api}/events{{/privacy}}"),
            received_events_url: format!("{api}/received_events"),
            kind: if dice.below(16) == 0 { "Organization" } else { "User" },
            user_view_type: "public",
            site_admin: false,
            name: (dice.below(8) > 0).then_some(person),
            company: (dice.below(3) == 0).then(|| dice.pick(&COMPANIES)),
            blog: if dice.below(3) == 0 {
                format!("https://{}.dev", handle.replace('_', "-"))
            } else {
                String::new()
            },
            location: (dice.below(2) == 0).then(|| dice.pick(&PLACES)),
            email: (dice.below(4) == 0).then(|| format!("{}@example.org", handle)),
            hireable: (dice.below(4) == 0).then_some(true),
            bio: (dice.below(2) == 0)
                .then(|| format!("{} {}", dice.pick(&BIOS), dice.pick(&SIGNS))),
            twitter_username: (dice.below(5) == 0).then_some(handle),
            public_repos: dice.below(200),
            public_gists: dice.below(30),
            followers: dice.below(4_000),
            following: dice.below(300),
            created_at: rfc3339(created),
            updated_at: rfc3339(updated(name)),
            login: name.to_owned(),
            url: api,
        }
    }

    /// The profile as GitHub sends it: compact JSON.
    #[must_use]
    pub fn json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a profile holds only strings, numbers and booleans")
    }
}

/// When the profile of `name` last changed.
pub(crate) fn last_modified(name: &str) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(updated(name))
}

/// The weak validator of the profile of `name`.
pub(crate) fn etag(name: &str) -> String {
    let mut dice = Dice::of(0x0065_7461_6700, name, 0);
    let [a, b, c, d] = [dice.roll(), dice.roll(), dice.roll(), dice.roll()];
    format!("W/\"{a:016x}{b:016x}{c:016x}{d:016x}\"")
}

/// GitHub's first user came on 2007-10-20.
const OPENED: u64 = 1_192_838_400;
/// From there to the end of 2024.
const DAYS: u64 = 6_280;

/// Seconds since 1970, within 2025 and so after every profile's creation.
fn updated(name: &str) -> u64 {
    1_735_689_600 + Dice::of(1, name, 0).below(365 * 86_400)
}

fn rfc3339(epoch: u64) -> String {
    let (days, second) = (epoch / 86_400, epoch % 86_400);
    // Howard Hinnant's civil_from_days: years that start in March put the leap day last.
    let z = days + 719_468;
    let (era, day_of_era) = (z / 146_097, z % 146_097);
    let year = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march + 2) / 5 + 1;
    let month = if march < 10 { march + 3 } else { march - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// `U_` and the base64url of the MessagePack array `[0, id]`, as GitHub makes them since 2021.
fn node_id(id: u64) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let id = u32::try_from(id).expect("ids stay under 200 million").to_be_bytes();
    let packed = [0x92, 0x00, 0xce, id[0], id[1], id[2], id[3]];
    let bits = packed.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte)) << 4;
    let digits = (0..10).map(|n| char::from(DIGITS[(bits >> (54 - 6 * n)) as usize & 63]));
    "U_".chars().chain(digits).collect()
}

const FIRST_NAMES: [&str; 16] = [
    "Ada",
    "Alan",
    "Barbara",
    "Chioma",
    "Edsger",
    "Fatima",
    "Grace",
    "Hiroshi",
    "Ingrid",
    "José",
    "Katherine",
    "Linus",
    "Mei",
    "Niklaus",
    "Radia",
    "Zoë",
];
const LAST_NAMES: [&str; 16] = [
    "Almeida",
    "Bergström",
    "Chen",
    "Dubois",
    "Eze",
    "Fischer",
    "García",
    "Hopper",
    "Ivanova",
    "Johnson",
    "Kowalski",
    "Liskov",
    "Müller",
    "Nakamura",
    "O'Brien",
    "Singh",
];
const COMPANIES: [&str; 8] = [
    "@github",
    "@rust-lang",
    "Analytical Engines Ltd",
    "@mozilla @servo",
    "Freelance",
    "University of Nairobi",
    "R&D \"Nord\"",
    "株式会社サンプル",
];
const PLACES: [&str; 8] = [
    "San Francisco",
    "Berlin, Germany",
    "São Paulo",
    "Lagos",
    "東京",
    "Kraków",
    "Remote",
    "Reykjavík",
];
const BIOS: [&str; 8] = [
    "Writes more tests than code.",
    "Compilers, coffee, cats.",
    "I make slow things wait faster.",
    "Maintainer of small, sharp tools.",
    "Learning something new every day.\r\nAsk me about parsers.",
    "Distributed systems & bread.",
    "Formerly <blink>.",
    "\"It works on my machine\"",
];
const SIGNS: [&str; 4] = ["🦀", "☕", "Opinions are mine.", "she/they"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_the_same_each_time_and_another_for_another_name() {
        assert_eq!(Profile::of("octocat"), Profile::of("octocat"));
        assert_ne!(Profile::of("octocat").id, Profile::of("octodog").id);
        assert_eq!(Profile::of("octocat").id, Profile::of("OctoCat").id);
        assert_eq!(Profile::of("OctoCat").login, "OctoCat");
    }

    #[test]
    fn times_are_told_as_github_tells_them() {
        assert_eq!(rfc3339(OPENED), "2007-10-20T00:00:00Z");
        assert_eq!(rfc3339(951_782_399), "2000-02-28T23:59:59Z");
        assert_eq!(rfc3339(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(rfc3339(1_735_689_600), "2025-01-01T00:00:00Z");
    }

    #[test]
    fn a_node_id_is_made_as_github_makes_it() {
        // base64url of 92 00 ce 05 f5 e1 00, by Python's base64.
        assert_eq!(node_id(100_000_000), "U_kgDOBfXhAA");
    }

    #[test]
    fn every_profile_was_created_before_it_changed() {
        for n in 0..1_000 {
            let profile = Profile::of(&format!("user-{n}"));
            assert!(profile.created_at < profile.updated_at, "{profile:?}");
        }
    }

    #[test]
    fn every_field_that_may_be_null_sometimes_is_and_sometimes_is_not() {
        let profiles: Vec<_> = (0..200)
            .map(|n| serde_json::to_value(Profile::of(&format!("user-{n}"))).unwrap())
            .collect();
        for field in ["name", "company", "location", "email", "hireable", "bio", "twitter_username"]
        {
            let nulls = profiles.iter().filter(|profile| profile[field].is_null()).count();
            assert!((1..200).contains(&nulls), "{field} is null in {nulls} of 200");
        }
    }
}
