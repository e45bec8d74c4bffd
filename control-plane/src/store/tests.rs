use super::*;
use std::sync::atomic::{AtomicBool, Ordering};

fn open() -> (Store, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    (Store::open(directory.path()).unwrap(), directory)
}

async fn words(store: &Store) -> Vec<String> {
    let all = |connection: &Connection| {
        let mut statement = connection.prepare("SELECT text FROM words ORDER BY id")?;
        let texts = statement.query_map([], |row| row.get(0))?;
        Ok(texts.collect::<Result<_, _>>()?)
    };
    store.read(all).await.unwrap()
}

#[tokio::test]
async fn a_job_that_fails_takes_back_all_it_did_and_nothing_else() {
    let (store, _directory) = open();
    let good = |text: &'static str| store.write(move |write| write.word(Some(text)));
    let bad = store.write(|write| {
        write.word(Some("lost"))?;
        Err::<(), _>(StoreError::corrupt("this", "is wrong"))
    });
    let (one, bad, two) = tokio::join!(good("one"), bad, good("two"));
    assert!(one.is_ok() && bad.is_err() && two.is_ok());
    assert_eq!(words(&store).await, ["one", "two"]);
    // The dictionary must not remember the id of a text that was taken back.
    good("lost").await.unwrap();
    assert_eq!(words(&store).await, ["one", "two", "lost"]);
}

#[tokio::test]
async fn closing_finishes_what_waits() {
    let (store, directory) = open();
    let entered = Arc::new(AtomicBool::new(false));
    let seen = entered.clone();
    // Something that keeps the writer busy until the others wait behind it.
    let slow = store.write(move |_| {
        while !seen.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        Ok(())
    });
    let waiting = (0..50).map(|number| {
        let store = store.clone();
        tokio::spawn(async move { store.write(move |write| write.word(Some(&format!("w{number}")))).await })
    });
    let waiting: Vec<_> = waiting.collect();
    let (slow, ()) = tokio::join!(slow, async {
        tokio::task::yield_now().await;
        entered.store(true, Ordering::Release);
    });
    slow.unwrap();
    for task in waiting {
        task.await.unwrap().unwrap();
    }
    let after = store.clone();
    store.close().await;
    assert!(!after.is_open());
    assert!(matches!(after.write(|_| Ok(())).await, Err(StoreError::Closed)));
    drop(after);
    assert_eq!(words(&Store::open(directory.path()).unwrap()).await.len(), 50);
}

#[test]
fn two_processes_cannot_use_one_data_directory() {
    let (store, directory) = open();
    assert!(matches!(Store::open(directory.path()), Err(StoreError::InUse { .. })));
    drop(store);
}

#[test]
fn a_store_of_a_newer_bursar_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let connection = Connection::open(directory.path().join(FILE)).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    assert!(matches!(Store::open(directory.path()), Err(StoreError::Newer { found: 99, .. })));
}

#[tokio::test]
async fn a_reader_sees_one_instant_and_cannot_write() {
    let (store, _directory) = open();
    let count = "SELECT count(*) FROM words";
    let (read, write) = (store.clone(), store.clone());
    let (before, after) = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Handle::current();
        runtime.block_on(read.read(move |connection| {
            let before: i64 = connection.query_row(count, [], |row| row.get(0))?;
            tokio::runtime::Handle::current().block_on(write.write(|write| write.word(Some("new"))))?;
            let after: i64 = connection.query_row(count, [], |row| row.get(0))?;
            Ok((before, after))
        }))
    })
    .await
    .unwrap()
    .unwrap();
    assert_eq!((before, after), (0, 0));
    assert_eq!(words(&store).await, ["new"]);
    let written = store.read(|connection| Ok(connection.execute("DELETE FROM words", [])?)).await;
    assert!(written.is_err());
}

/// Counts for ever.
fn endless(connection: &Connection) -> Result<i64, StoreError> {
    let sql = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
    Ok(connection.query_row(sql, [], |row| row.get(0))?)
}

#[tokio::test]
async fn a_query_ends_when_nobody_waits_for_it_and_short_ones_never_wait_for_reports() {
    let (store, _directory) = open();
    let endless_ones: Vec<_> = (0..20)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.read(endless).await })
        })
        .collect();
    // All readers are taken, as soon as one more has to wait.
    while store.readers.are_free() {
        tokio::task::yield_now().await;
    }
    let seven = |connection: &Connection| -> Result<i64, StoreError> {
        Ok(connection.query_row("SELECT 7", [], |row| row.get(0))?)
    };
    assert_eq!(store.read_short(seven).await.unwrap(), 7);
    for task in &endless_ones {
        task.abort();
    }
    assert_eq!(store.read(seven).await.unwrap(), 7);
}
