use super::*;
use crate::clock::Clock;
use std::{fs, os::unix::fs::symlink};

const SOON: Pace = Pace { settle: Duration::from_millis(10), poll: Duration::from_secs(3_600) };

fn text(limit: &str) -> String {
    format!(
        "version: 1\ncaps:\n  - {{name: acme, subject: {{customer: acme}}, limit_usd: \"{limit}\", window: day}}\n"
    )
}

struct Desk {
    place: tempfile::TempDir,
    app: App,
}

impl Desk {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let app = App::open(&place.path().join("data"), Clock::from_source(|| 1_795_514_400_000_000_000));
        fs::create_dir(place.path().join("policy")).unwrap();
        Self { app: app.unwrap(), place }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join("policy").join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// As an editor saves: another file takes the name.
    fn replace(&self, name: &str, text: &str) {
        self.write(".new", text);
        fs::rename(self.path(".new"), self.path(name)).unwrap();
    }

    /// As Kubernetes mounts: `policy.yaml` → `..data/policy.yaml`, `..data` → a directory that is swapped.
    fn mount(&self, generation: &str, text: &str) {
        fs::create_dir(self.path(generation)).unwrap();
        self.write(&format!("{generation}/policy.yaml"), text);
        symlink(generation, self.path("..data_tmp")).unwrap();
        fs::rename(self.path("..data_tmp"), self.path("..data")).unwrap();
    }

    async fn watch(&self, path: &Path, pace: Pace) {
        let (watch, policy) = Watch::open(path).unwrap();
        self.app.put_policy(policy).await.unwrap();
        tokio::spawn(watch.keep(self.app.clone(), pace));
    }

    async fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        for _ in 0..1_000 {
            if is_so(self) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("never: {what}; {:?}", self.app.last_change.refused());
    }

    async fn until_limit(&self, limit: &str) {
        let wanted: i64 = limit.parse::<i64>().unwrap() * 1_000_000_000_000;
        let is_so = |desk: &Self| desk.app.rules().caps().first().is_some_and(|cap| cap.limit == wanted);
        self.until(&format!("the limit is {limit}"), is_so).await;
    }

    fn reloads(&self, result: &str) -> u64 {
        let text = self.app.metrics.text(&Default::default()).unwrap();
        let name = format!("bursar_policy_reloads_total{{result=\"{result}\"}} ");
        text.lines().find_map(|line| line.strip_prefix(&name)).unwrap().parse().unwrap()
    }
}

#[tokio::test]
async fn a_file_that_is_written_or_replaced_is_taken_in() {
    let desk = Desk::new();
    desk.write("policy.yaml", &text("1"));
    desk.watch(&desk.path("policy.yaml"), SOON).await;
    desk.write("policy.yaml", &text("2"));
    desk.until_limit("2").await;
    desk.replace("policy.yaml", &text("3"));
    desk.until_limit("3").await;
    // The second time, too: the first file that was watched is gone.
    desk.replace("policy.yaml", &text("4"));
    desk.until_limit("4").await;
    assert_eq!((desk.app.rules().stored.version, desk.reloads("applied")), (4, 3));
}

#[tokio::test]
async fn the_links_of_a_mounted_config_map_are_followed() {
    for whole_directory in [true, false] {
        let desk = Desk::new();
        desk.mount("..2026_1", &text("1"));
        symlink("..data/policy.yaml", desk.path("policy.yaml")).unwrap();
        let path = if whole_directory { desk.path("") } else { desk.path("policy.yaml") };
        desk.watch(&path, SOON).await;
        desk.mount("..2026_2", &text("2"));
        fs::remove_dir_all(desk.path("..2026_1")).unwrap();
        desk.until_limit("2").await;
        desk.mount("..2026_3", &text("3"));
        fs::remove_dir_all(desk.path("..2026_2")).unwrap();
        desk.until_limit("3").await;
        assert_eq!(desk.reloads("refused"), 0);
    }
}

#[tokio::test]
async fn a_bad_file_is_refused_with_every_fault_and_the_next_good_one_is_taken() {
    let desk = Desk::new();
    desk.write("a.yaml", &text("1"));
    desk.watch(&desk.path(""), SOON).await;
    desk.write("b.yaml", "customers:\n  acme: {plan: gold}\n");
    desk.write("a.yaml", "version: 1\nwhen_unreachable: perhaps\n");
    desk.until("it is refused", |desk| {
        desk.app.last_change.refused().is_some_and(|refused| refused.faults.len() == 2)
    })
    .await;
    let refused = desk.app.last_change.refused().unwrap();
    let places: Vec<_> = refused
        .faults
        .iter()
        .map(|fault| (fault.file.rsplit('/').next().unwrap(), fault.line, fault.column, &*fault.path))
        .collect();
    assert_eq!(places, [("a.yaml", 2, 19, "when_unreachable"), ("b.yaml", 2, 16, "customers.acme.plan")]);
    assert_eq!(desk.app.rules().caps().len(), 1, "the old policy stays");
    fs::remove_file(desk.path("b.yaml")).unwrap();
    desk.write("a.yaml", &text("2"));
    desk.until_limit("2").await;
    assert_eq!(desk.app.last_change.refused(), None);
    fs::remove_file(desk.path("a.yaml")).unwrap();
    desk.until("nothing there is refused", |desk| desk.app.last_change.refused().is_some()).await;
    assert_eq!(desk.app.rules().caps().len(), 1, "and changes nothing");
}

#[tokio::test]
async fn what_says_the_same_makes_no_version_and_the_next_change_wins_over_what_others_put() {
    let desk = Desk::new();
    desk.write("policy.yaml", &text("1"));
    desk.watch(&desk.path("policy.yaml"), SOON).await;
    desk.write("policy.yaml", &format!("# what acme may use\n{}", text("1")));
    desk.until("it is read", |desk| desk.reloads("unchanged") == 1).await;
    assert_eq!(desk.app.rules().stored.version, 1);
    let other = crate::policy::parse(&text("7"), "by hand").unwrap();
    desk.app.put_policy(other).await.unwrap();
    // The same bytes once more are no change of the file.
    desk.write("policy.yaml", &format!("# what acme may use\n{}", text("1")));
    tokio::time::sleep(Duration::from_millis(600)).await;
    desk.until_limit("7").await;
    desk.write("policy.yaml", &text("2"));
    desk.until_limit("2").await;
    assert_eq!(desk.app.rules().stored.version, 3);
}

#[tokio::test]
async fn without_word_from_the_system_the_files_are_read_every_so_often() {
    let desk = Desk::new();
    for (place, limit) in [("before", "1"), ("after", "2")] {
        fs::create_dir(desk.path(place)).unwrap();
        desk.write(&format!("{place}/policy.yaml"), &text(limit));
    }
    // A link in the middle of a way: neither where the way begins nor where it ends does anything change.
    let (begin, middle) = (desk.path("begin"), desk.path("middle"));
    fs::create_dir(&begin).unwrap();
    fs::create_dir(&middle).unwrap();
    symlink("../before", middle.join("here")).unwrap();
    symlink("../middle/here/policy.yaml", begin.join("policy.yaml")).unwrap();
    desk.watch(&begin.join("policy.yaml"), Pace { poll: Duration::from_millis(20), ..SOON }).await;
    // Now it looks, and not only at the start.
    desk.write("before/policy.yaml", &text("3"));
    desk.until_limit("3").await;
    symlink("../after", middle.join("new")).unwrap();
    fs::rename(middle.join("new"), middle.join("here")).unwrap();
    desk.until_limit("2").await;
    assert_eq!((desk.app.rules().stored.version, desk.reloads("applied")), (3, 2));
}

#[tokio::test]
async fn a_file_of_what_was_shown_of_an_older_policy_has_the_addresses_that_it_had() {
    let desk = Desk::new();
    let policy = |token: &str| {
        let text =
            format!("version: 1\ndestinations: {{ops: {{url: 'https://a.b/{token}', kind: slack}}}}\n");
        crate::policy::parse(&text, "p").unwrap()
    };
    for token in ["first", "second"] {
        desk.app.put_policy(policy(token)).await.unwrap();
    }
    for (token, expected) in [("first", true), ("second", true), ("third", false)] {
        desk.write("policy.yaml", &policy(token).masked().yaml().unwrap());
        let (watch, shown) = Watch::open(&desk.path("policy.yaml")).unwrap();
        let read = watch.unmasked(shown, &desk.app).await.ok();
        assert_eq!(read, expected.then(|| policy(token)), "{token}");
    }
}
