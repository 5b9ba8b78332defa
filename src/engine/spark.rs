//! Apache Spark by Spark Connect: the one place that knows of the client.
//!
//! The client's own stream takes the end of a response for the end of the work, but a server ends every response after two minutes and goes
//! on working (`spark.connect.execute.reattachable.senderMaxStreamDuration`): so what is executed here is only over once the server has said
//! so, and is attached to again until then. A connection that breaks is tried a few times more, not for an hour.

use super::database::{Answer, Cells, Database};
use super::sql::Dialect;
use crate::error::{Error, Result};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Date32Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type};
use serde::{Deserialize, Serialize};
use spark_connect_core::{
    ChannelBuilder, ExecutePlanResponseReattachableIterator as Attached, SparkConnectClient, SparkError, block_on,
};
use spark_connect_proto::execute_plan_response::ResponseType;
use spark_connect_proto::{ExecutePlanRequest, Plan, Relation, Sql, SqlCommand, UserContext, command, plan, relation};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

/// How long is waited before a broken connection is tried again.
const WAITS: [u64; 4] = [500, 1_000, 2_000, 4_000];

/// The environment variable that holds the token, if the server wants one.
pub const TOKEN: &str = "SPARK_CONNECT_AUTHENTICATE_TOKEN";

/// A session of a Spark server.
pub struct Spark {
    client: Arc<SparkConnectClient>,
    server: String,
    /// Where rows are kept: a folder that every worker sees.
    staging: String,
    ledger: Mutex<Ledger>,
    /// What every name of this session stands for, as a hash: a query speaks of other names, so their meaning belongs to its own.
    defined: Mutex<BTreeMap<String, String>>,
    progress: Mutex<Box<dyn Fn(usize, usize) + Send>>,
}

/// What is kept in the staging folder, and of which query.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Ledger {
    /// Where the ledger itself is.
    #[serde(skip)]
    path: Option<PathBuf>,
    /// What the queries read; another input makes all that is kept another's.
    input: String,
    /// Name and what it was computed of.
    kept: BTreeMap<String, String>,
}

impl Ledger {
    fn read(path: PathBuf) -> Self {
        let known = std::fs::read(&path).ok().and_then(|bytes| serde_json::from_slice::<Self>(&bytes).ok());
        Self { path: Some(path), ..known.unwrap_or_default() }
    }

    /// Written beside itself and put in its place, so that a kill leaves the one before.
    fn write(&self) {
        let Some(path) = &self.path else { return };
        let beside = path.with_extension("new");
        // A ledger that cannot be written costs the next run time, and nothing else.
        if let Ok(bytes) = serde_json::to_vec_pretty(self)
            && std::fs::write(&beside, bytes).is_ok()
        {
            let _ = std::fs::rename(&beside, path);
        }
    }
}

/// The session that an interrupt has to tell.
static RUNNING: OnceLock<Mutex<Option<Arc<SparkConnectClient>>>> = OnceLock::new();

/// Tells the server to stop what it is asked for at the moment; whether there is anything to stop.
pub fn interrupt() -> bool {
    let running = RUNNING.get().and_then(|running| running.lock().ok()?.clone());
    let Some(client) = running else { return false };
    let (done, wait) = std::sync::mpsc::channel();
    std::thread::spawn(move || done.send(block_on(client.interrupt_all()).is_ok()));
    // A server that is gone need not be waited for.
    let _ = wait.recv_timeout(Duration::from_secs(3));
    true
}

fn lost(server: &str, said: &str) -> Error {
    Error::new("E0620", format!("the connection to Spark at {server} is lost: {said}"))
        .why("what it was computing is gone; what it had finished is kept in the staging folder")
        .help("start the server again (`just spark-up` on this machine), then `ilk run`: it goes on from the last finished stage")
}

/// A URL without what is nobody's business.
fn shown(builder: &ChannelBuilder) -> String {
    format!("sc://{}", builder.endpoint())
}

impl Spark {
    /// Opens a session. `url` is `sc://host:port`, with `/;use_ssl=true` for TLS; a token comes from the environment ([`TOKEN`]) only. Rows
    /// are kept under `staging`, a path that every worker sees; `ledger` is a file of this machine that says which.
    ///
    /// # Errors
    /// E0210 for a URL that is none or holds a token, E0620 where nobody answers.
    pub fn connect(url: &str, staging: &str, ledger: Option<PathBuf>) -> Result<Self> {
        let builder = ChannelBuilder::parse(url).map_err(|error| {
            Error::new("E0221", format!("the url of [engine] is none of Spark Connect: {}", error.message()))
                .help("url = \"sc://127.0.0.1:15002\", with \"/;use_ssl=true\" behind it for TLS")
        })?;
        if builder.get("token").is_some() {
            return Err(Error::new("E0221", "the url of [engine] holds a token")
                .why("files are copied and committed; whoever has them would have your cluster")
                .help(format!("take it out of the url, and: export {TOKEN}=…")));
        }
        let server = shown(&builder);
        let client = block_on(SparkConnectClient::connect(&builder))
            .map_err(|error| Error::new("E0221", format!("{server}: {}", error.message())))?;
        let client = Arc::new(client);
        if let Ok(mut running) = RUNNING.get_or_init(Mutex::default).lock() {
            *running = Some(Arc::clone(&client));
        }
        let spark = Self {
            client,
            server,
            staging: staging.trim_end_matches('/').to_string(),
            ledger: Mutex::new(ledger.map(Ledger::read).unwrap_or_default()),
            defined: Mutex::default(),
            progress: Mutex::new(Box::new(|_, _| {})),
        };
        // Nanoseconds have no type in Spark: they come as whole numbers.
        let settings = [
            ("spark.sql.session.timeZone", "UTC"),
            ("spark.sql.ansi.enabled", "true"),
            ("spark.sql.legacy.parquet.nanosAsLong", "true"),
        ];
        for (key, value) in settings {
            spark.query(&format!("SET {key}={value}")).map_err(|error| match error.code() {
                "E0620" => Error::new("E0620", format!("no Spark answers at {}", spark.server))
                    .why("everything is computed there")
                    .help("start it (`just spark-up` on this machine), or correct url under [engine]"),
                _ => error,
            })?;
        }
        Ok(spark)
    }

    /// Is told how many tasks of how many are done, whenever the server says so.
    pub fn watch(&self, progress: impl Fn(usize, usize) + Send + 'static) {
        if let Ok(mut watch) = self.progress.lock() {
            *watch = Box::new(progress);
        }
    }

    /// Everything is finished: what was kept on the way is forgotten, and removed where it is on this machine.
    pub fn finish(&self) {
        let Ok(mut ledger) = self.ledger.lock() else { return };
        if !self.staging.contains("://") {
            for name in ledger.kept.keys() {
                // What cannot be removed is in nobody's way: the next run writes over it.
                let _ = std::fs::remove_dir_all(PathBuf::from(&self.staging).join(name));
            }
        }
        ledger.kept.clear();
        ledger.write();
    }

    /// Computes a query and writes its rows as Parquet to a folder that every worker sees, in place of what is there.
    ///
    /// # Errors
    /// As [`Database::query`].
    pub fn write(&self, sql: &str, folder: &str) -> Result<()> {
        self.run(&format!(
            "INSERT OVERWRITE DIRECTORY {} USING parquet {sql}",
            super::sql::text(folder, Dialect::Spark)
        ))
    }

    /// What a name stands for from now on: its query, and what all other names stand for.
    fn define(&self, name: &str, sql: &str) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(sql.as_bytes());
        let Ok(mut defined) = self.defined.lock() else { return String::new() };
        for (other, of) in defined.iter().filter(|(other, _)| *other != name) {
            hasher.update(other.as_bytes());
            hasher.update(of.as_bytes());
        }
        let of = hasher.finalize().to_hex().to_string();
        defined.insert(name.to_string(), of.clone());
        of
    }

    fn run(&self, sql: &str) -> Result<()> {
        let command = SqlCommand { input: Some(relation(sql)), ..SqlCommand::default() };
        let command = spark_connect_proto::Command { command_type: Some(command::CommandType::SqlCommand(command)) };
        self.execute(plan::OpType::Command(command), &mut |_| Ok(()))
    }

    fn execute(&self, of: plan::OpType, each: &mut dyn FnMut(RecordBatch) -> Result<()>) -> Result<()> {
        let request = ExecutePlanRequest {
            session_id: self.client.session_id().to_string(),
            user_context: Some(UserContext {
                user_id: self.client.user_id().unwrap_or_default().to_string(),
                ..UserContext::default()
            }),
            plan: Some(Plan { op_type: Some(of) }),
            client_type: Some(concat!("ilk/", env!("CARGO_PKG_VERSION")).into()),
            ..ExecutePlanRequest::default()
        };
        let failed = |error: SparkError| self.failed(&error);
        let attached = Attached::new(request);
        let mut stream = block_on(self.client.execute_plan(attached.request().clone())).map_err(failed)?;
        let mut broken = 0;
        loop {
            match block_on(stream.message()) {
                Ok(Some(response)) => {
                    broken = 0;
                    block_on(attached.set_last_response_id(&response));
                    self.take(response.response_type, each)?;
                    continue;
                }
                Ok(None) if block_on(attached.is_completed()) => break,
                Ok(None) => {}
                Err(status) => {
                    let error = SparkError::from_grpc_status(status);
                    if !is_lost(&error) || broken == WAITS.len() {
                        return Err(self.failed(&error));
                    }
                    std::thread::sleep(Duration::from_millis(WAITS[broken]));
                    broken += 1;
                }
            }
            loop {
                match block_on(self.client.reattach_execute(block_on(attached.create_reattach_request()))) {
                    Ok(again) => {
                        stream = again;
                        break;
                    }
                    Err(error) if is_lost(&error) && broken < WAITS.len() => {
                        std::thread::sleep(Duration::from_millis(WAITS[broken]));
                        broken += 1;
                    }
                    Err(error) => return Err(self.failed(&error)),
                }
            }
        }
        // The server may forget the response; that it could not be told so is no trouble.
        let _ = block_on(self.client.release_execute(block_on(attached.create_release_request(true))));
        Ok(())
    }

    fn take(&self, response: Option<ResponseType>, each: &mut dyn FnMut(RecordBatch) -> Result<()>) -> Result<()> {
        match response {
            Some(ResponseType::ArrowBatch(batch)) => {
                let unreadable = |error: arrow::error::ArrowError| {
                    Error::new("E0621", format!("Spark's answer cannot be read: {error}"))
                        .help("is the server a Spark from 4.0 on?")
                };
                let reader = arrow::ipc::reader::StreamReader::try_new(&batch.data[..], None).map_err(unreadable)?;
                for batch in reader {
                    each(batch.map_err(unreadable)?)?;
                }
            }
            Some(ResponseType::ExecutionProgress(progress)) => {
                let count =
                    |of: fn(&spark_connect_proto::execute_plan_response::execution_progress::StageInfo) -> i64| {
                        progress.stages.iter().map(of).sum::<i64>().max(0) as usize
                    };
                if let Ok(watch) = self.progress.lock() {
                    watch(count(|stage| stage.num_completed_tasks), count(|stage| stage.num_tasks));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn failed(&self, error: &SparkError) -> Error {
        let said = error.message();
        let first = said.lines().next().unwrap_or_default().to_string();
        if is_lost(error) {
            return lost(&self.server, &first);
        }
        let mut failed = Error::new("E0621", format!("Spark cannot compute this: {first}"));
        for line in said.lines().skip(1).filter(|line| !line.trim().is_empty()).take(6) {
            failed = failed.note("note", line.trim().to_string());
        }
        failed.help("check that every worker sees the files of [input] and the staging folder of [engine]; the server's log has more")
    }
}

/// Whether it is the connection or the session that failed, not the query.
fn is_lost(error: &SparkError) -> bool {
    let message = error.message();
    let class = &error.error_class;
    let gone = ["SESSION_NOT_FOUND", "SESSION_CHANGED", "SESSION_CLOSED", "OPERATION_NOT_FOUND"];
    gone.iter().any(|word| class.contains(word) || message.contains(word))
        || ["unavailable", "h2 protocol error", "transport error", "connection", "error reading a body"]
            .iter()
            .any(|word| class.is_empty() && message.to_lowercase().contains(word))
}

fn relation(sql: &str) -> Relation {
    let query = Sql { query: sql.to_string(), ..Sql::default() };
    Relation { rel_type: Some(relation::RelType::Sql(query)), ..Relation::default() }
}

impl Database for Spark {
    fn dialect(&self) -> Dialect {
        Dialect::Spark
    }

    fn query(&self, sql: &str) -> Result<Answer> {
        let mut batches = Vec::new();
        self.execute(plan::OpType::Root(relation(sql)), &mut |batch| {
            batches.push(batch);
            Ok(())
        })?;
        answer(&batches)
    }

    fn parts(&self, sql: &str, each: &mut dyn FnMut(Answer) -> Result<()>) -> Result<()> {
        self.execute(plan::OpType::Root(relation(sql)), &mut |batch| each(answer(&[batch])?))
    }

    fn command(&self, sql: &str) -> Result<()> {
        // What a command makes is told by the command.
        self.define(sql, sql);
        self.run(sql)
    }

    fn view(&self, name: &str, sql: &str) -> Result<()> {
        self.define(name, sql);
        self.run(&format!("CREATE OR REPLACE TEMPORARY VIEW {name} AS {sql}"))
    }

    fn reads(&self, input: &str) {
        let input = blake3::hash(input.as_bytes()).to_hex().to_string();
        if let Ok(mut ledger) = self.ledger.lock()
            && ledger.input != input
        {
            ledger.kept.clear();
            ledger.input = input;
            ledger.write();
        }
    }

    fn keep(&self, name: &str, sql: &str) -> Result<()> {
        let of = self.define(name, sql);
        let folder = format!("{}/{name}", self.staging);
        let view = |spark: &Self| {
            spark.run(&format!("CREATE OR REPLACE TEMPORARY VIEW {name} AS SELECT * FROM parquet.`{folder}`"))
        };
        let known = self.ledger.lock().is_ok_and(|ledger| ledger.kept.get(name) == Some(&of));
        // Somebody may have tidied up.
        if known && view(self).is_ok() {
            return Ok(());
        }
        if let Ok(mut ledger) = self.ledger.lock() {
            ledger.kept.remove(name);
            ledger.write();
        }
        self.write(sql, &folder)?;
        view(self)?;
        if let Ok(mut ledger) = self.ledger.lock() {
            ledger.kept.insert(name.to_string(), of);
            ledger.write();
        }
        Ok(())
    }
}

impl Drop for Spark {
    fn drop(&mut self) {
        if let Some(Ok(mut running)) = RUNNING.get().map(Mutex::lock) {
            *running = None;
        }
        // A server that is gone has no session left.
        let client = Arc::clone(&self.client);
        let (done, wait) = std::sync::mpsc::channel();
        std::thread::spawn(move || done.send(block_on(client.release_session()).is_ok()));
        let _ = wait.recv_timeout(Duration::from_secs(2));
    }
}

/// Batches of Arrow as columns.
fn answer(batches: &[RecordBatch]) -> Result<Answer> {
    let Some(first) = batches.first() else { return Ok(Answer::default()) };
    let columns = (0..first.num_columns()).map(|at| {
        let mut cells: Option<Cells> = None;
        for batch in batches {
            let more = of_array(batch.column(at).as_ref())?;
            match (&mut cells, more) {
                (Some(Cells::Whole(all)), Cells::Whole(more)) => all.extend(more),
                (Some(Cells::Number(all)), Cells::Number(more)) => all.extend(more),
                (Some(Cells::Text(all)), Cells::Text(more)) => all.extend(more),
                (none, more) => *none = Some(more),
            }
        }
        Ok(cells.unwrap_or(Cells::Whole(Vec::new())))
    });
    Ok(Answer { columns: columns.collect::<Result<_>>()? })
}

fn of_array(array: &dyn Array) -> Result<Cells> {
    fn whole<T: arrow::datatypes::ArrowPrimitiveType>(array: &dyn Array) -> Cells
    where
        i64: From<T::Native>,
    {
        Cells::Whole(array.as_primitive::<T>().iter().map(|v| v.map(i64::from)).collect())
    }
    Ok(match array.data_type() {
        DataType::Int8 => whole::<Int8Type>(array),
        DataType::Int16 => whole::<Int16Type>(array),
        DataType::Int32 => whole::<Int32Type>(array),
        DataType::Int64 => whole::<Int64Type>(array),
        DataType::Date32 => whole::<Date32Type>(array),
        DataType::Boolean => Cells::Whole(array.as_boolean().iter().map(|v| v.map(i64::from)).collect()),
        DataType::Float32 => {
            Cells::Number(array.as_primitive::<Float32Type>().iter().map(|v| v.map(f64::from)).collect())
        }
        DataType::Float64 => Cells::Number(array.as_primitive::<Float64Type>().iter().collect()),
        DataType::Utf8 => Cells::Text(array.as_string::<i32>().iter().map(|v| v.map(String::from)).collect()),
        DataType::LargeUtf8 => Cells::Text(array.as_string::<i64>().iter().map(|v| v.map(String::from)).collect()),
        DataType::Null => Cells::Text(vec![None; array.len()]),
        other => {
            return Err(Error::new("E0070", format!("Spark answered with a column of {other}"))
                .help("please report it with the command you ran"));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A session of the tests' server, where there is one.
    fn session() -> Option<Spark> {
        let Ok(url) = std::env::var("ILK_SPARK") else {
            eprintln!("left out: no Spark in ILK_SPARK");
            return None;
        };
        let staging = tempfile::tempdir().unwrap().keep();
        Some(Spark::connect(&url, staging.to_str().unwrap(), None).unwrap())
    }

    #[test]
    fn an_answer_comes_after_the_response_has_ended() {
        let Some(spark) = session() else { return };
        // The server of `scripts/spark test` ends a response after five seconds.
        let answer = spark.query("SELECT java_method('java.lang.Thread', 'sleep', 12000L), CAST(7 AS BIGINT)").unwrap();
        assert_eq!(answer.one(1).unwrap(), 7);
    }

    #[test]
    fn answers_have_the_types_that_columns_have() {
        let Some(spark) = session() else { return };
        let sql = "SELECT 1Y, 2S, 3, 4L, DATE'1970-01-06', TRUE, CAST(1.5 AS FLOAT), 2.5D, 'text', NULL UNION ALL SELECT NULL, NULL, NULL, NULL, NULL, \
                   NULL, NULL, NULL, NULL, NULL";
        let answer = spark.query(sql).unwrap();
        let whole: Vec<Vec<i64>> = (0..6).map(|at| answer.whole(at).unwrap()).collect();
        assert_eq!(whole, [[1, 0], [2, 0], [3, 0], [4, 0], [5, 0], [1, 0]]);
        assert_eq!((answer.numbers(6).unwrap()[0], answer.one_number(7).unwrap()), (1.5, 2.5));
        assert_eq!(answer.texts(8).unwrap(), [Some("text".to_string()), None]);
        assert_eq!(answer.columns[9], Cells::Text(vec![None, None]));
        let error = spark.query("SELECT 1 / 0").unwrap_err();
        assert_eq!((error.code(), error.exit_code()), ("E0621", 5));
        assert!(spark.query("SELECT nothing").unwrap_err().0.title.contains("nothing"));
    }

    #[test]
    fn what_is_kept_is_kept_for_the_same_query_of_the_same_input() {
        let Some(spark) = session() else { return };
        let folder = tempfile::tempdir().unwrap();
        let ledger = folder.path().join("engine.json");
        let url = std::env::var("ILK_SPARK").unwrap();
        let open = || Spark::connect(&url, &spark.staging, Some(ledger.clone())).unwrap();
        let drawn = |spark: &Spark| spark.query("SELECT CAST(max(v) AS BIGINT) FROM drawn").unwrap().one(0).unwrap();
        let query = "SELECT CAST(rand() * 1000000000 AS BIGINT) AS v";
        let first = open();
        first.reads("a file");
        first.keep("drawn", query).unwrap();
        let kept = drawn(&first);
        let again = open();
        again.reads("a file");
        again.keep("drawn", query).unwrap();
        assert_eq!(drawn(&again), kept);
        again.keep("drawn", "SELECT CAST(rand() * 1000000000 AS BIGINT) + 1 AS v").unwrap();
        assert_ne!(drawn(&again), kept);
        // The same words about a view that says something else.
        let of_view = |spark: &Spark, number: u32| {
            spark.view("told", &format!("SELECT {number} AS n")).unwrap();
            spark.keep("of_view", "SELECT n FROM told").unwrap();
            spark.query("SELECT CAST(n AS BIGINT) FROM of_view").unwrap().one(0).unwrap()
        };
        assert_eq!((of_view(&open(), 1), of_view(&open(), 2)), (1, 2));
        let other = drawn(&again);
        again.reads("another file");
        again.keep("drawn", "SELECT CAST(rand() * 1000000000 AS BIGINT) + 1 AS v").unwrap();
        assert_ne!(drawn(&again), other);
    }
}
