//! Order lines to features: ilk beside the same columns asked of polars by hand, in one run.
//!
//! `cargo bench --bench features -- FOLDER` takes FOLDER/orders.csv (made by `ilk demo --data-only --customers 1060000 --out
//! FOLDER` for some twenty million lines), writes it as zstd Parquet once, and measures each way in a process of its own,
//! in turn. `BENCH_RUNS` sets how often (3).
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use ilk::config::Config;
use ilk::engine::Engine as _;
use ilk::engine::embedded::Embedded;
use ilk::features::occasion;
use ilk::features::smoothing::Learned;
use polars::prelude::*;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CONFIG: &str = r#"
[input.orders]
path        = "FILE"
customer_id = "customer_id"
order_id    = "order_id"
date        = "order_date"
quantity    = "quantity"
unit_price  = "unit_price"
product     = "product_id"
category    = "category"
returns     = { column = "order_id", starts_with = "C", treat = "net" }
"#;

const WAYS: [(&str, &str); 4] = [
    ("parquet-hand", "Parquet to features, polars by hand"),
    ("parquet-ilk", "Parquet to features, ilk"),
    ("csv-hand", "CSV read by polars"),
    ("csv-ilk", "CSV read and checked by ilk"),
];

fn main() {
    // `cargo bench` passes `--bench`.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    match arguments.as_slice() {
        [way, folder] if WAYS.iter().any(|(w, _)| w == way) => measure(way, Path::new(folder)),
        [folder] => compare(folder),
        // Without data there is nothing to measure: the way of `cargo bench` over all benches.
        _ => println!("left out: say where the order lines are: cargo bench --bench features -- FOLDER"),
    }
}

/// Runs every way in turn and prints medians and ratios.
fn compare(folder: &str) {
    let parquet = Path::new(folder).join("orders.parquet");
    if !parquet.exists() {
        write_parquet(&Path::new(folder).join("orders.csv"), &parquet);
    }
    let runs: usize = std::env::var("BENCH_RUNS").ok().and_then(|n| n.parse().ok()).unwrap_or(3);
    let mut seconds = vec![Vec::new(); WAYS.len()];
    let mut megabytes = vec![0.0f64; WAYS.len()];
    for _ in 0..runs {
        for (i, (way, _)) in WAYS.iter().enumerate() {
            let output = Command::new(std::env::current_exe().unwrap()).args([way, folder]).output().unwrap();
            let said = String::from_utf8(output.stdout).unwrap();
            let mut numbers = said.lines().last().unwrap().split(' ').map(|n| n.parse::<f64>().unwrap());
            seconds[i].push(numbers.next().unwrap());
            megabytes[i] = megabytes[i].max(numbers.next().unwrap());
        }
    }
    // Of an even number of runs the slower one in the middle.
    let median = |values: &[f64]| {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted[sorted.len() / 2]
    };
    println!("| | median of {runs} | peak memory | ratio |\n|---|---:|---:|---:|");
    for (i, (_, label)) in WAYS.iter().enumerate() {
        let ratio = median(&seconds[i]) / median(&seconds[i - i % 2]);
        println!("| {label} | {:.1} s | {:.1} GB | {ratio:.2} |", median(&seconds[i]), megabytes[i] / 1000.0);
    }
}

/// Measures one way: seconds and peak megabytes on the last line.
fn measure(way: &str, folder: &Path) {
    let file = folder.join(if way.starts_with("csv") { "orders.csv" } else { "orders.parquet" });
    let started = Instant::now();
    let rows = match way {
        "parquet-hand" => by_hand(&file),
        "parquet-ilk" => by_ilk(&file),
        "csv-hand" => csv(&file).collect_with_engine(Engine::Streaming).unwrap().unwrap_single().height(),
        _ => ilk::pipeline::tables(&config(&file), Path::new("")).unwrap().orders.unwrap().len(),
    };
    let seconds = started.elapsed().as_secs_f64();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap_or("0 kB");
    let kilobytes: f64 = peak.trim().trim_end_matches(" kB").parse().unwrap_or(0.0);
    println!("{rows} rows");
    println!("{seconds} {}", kilobytes / 1000.0);
}

fn config(file: &Path) -> Config {
    Config::parse(&CONFIG.replace("FILE", &file.display().to_string()), "ilk.toml").unwrap()
}

fn by_ilk(file: &Path) -> usize {
    let config = config(file);
    let tables = ilk::pipeline::tables(&config, Path::new("")).unwrap();
    let features = ilk::pipeline::features(&config, &tables).unwrap();
    let observed = Embedded.observe(&tables, &features).unwrap();
    Learned::fit(&observed, &features).unwrap().resolve(observed, features).unwrap().len()
}

fn csv(file: &Path) -> LazyFrame {
    let names = ["order_id", "order_date", "customer_id", "product_id", "category", "quantity", "unit_price"];
    let schema: Schema = names.iter().map(|n| Field::new((*n).into(), DataType::String)).collect();
    let time = StrptimeOptions { format: Some("%Y-%m-%d %H:%M:%S".into()), strict: false, exact: true, cache: true };
    LazyCsvReader::new(PlRefPath::from(file.to_str().unwrap()))
        .with_schema(Some(Arc::new(schema)))
        .with_has_header(true)
        .finish()
        .unwrap()
        .with_columns([
            col("order_date").str().to_datetime(Some(TimeUnit::Microseconds), None, time, lit("raise")),
            col("quantity").cast(DataType::Int32),
            col("unit_price").cast(DataType::Float64),
        ])
}

fn write_parquet(from: &Path, to: &Path) {
    let options = ParquetWriteOptions { compression: ParquetCompression::Zstd(None), ..Default::default() };
    csv(from)
        .sink(
            SinkDestination::File { target: SinkTarget::Path(PlRefPath::from(to.to_str().unwrap())) },
            FileWriteFormat::Parquet(Arc::new(options)),
            UnifiedSinkArgs::default(),
        )
        .unwrap()
        .collect_with_engine(Engine::Streaming)
        .unwrap();
}

/// The same columns by one polars query: what a data scientist would write who knows that money must be whole numbers.
fn by_hand(file: &Path) -> usize {
    let last = 20_543; // 2026-03-31
    let sale = || col("returned").not();
    let orders = |when: Expr| col("order_id").filter(sale().and(when)).n_unique();
    let money = |when: Expr| col("amount").filter(when).sum();
    let mut columns = vec![
        col("day").filter(sale()).max().alias("last"),
        col("day").filter(sale()).min().alias("first"),
        col("day").filter(sale()).n_unique().alias("days"),
        orders(lit(true)).alias("orders"),
        col("amount").sum().alias("revenue"),
        col("returned").sum().alias("returns"),
        len().alias("lines"),
        col("quantity").filter(sale()).sum().alias("units"),
        col("product_id").filter(sale()).n_unique().alias("products"),
        col("category").filter(sale()).n_unique().alias("categories"),
        col("day").filter(sale()).unique().sort(SortOptions::default()).implode(false).alias("visits"),
    ];
    let mut both = |name: &str, when: Expr| {
        columns.push(orders(when.clone()).alias(format!("orders_{name}")));
        columns.push(money(when).alias(format!("revenue_{name}")));
    };
    for days in [28, 90, 365] {
        both(&format!("{days}d"), col("day").gt(lit(last - days)));
    }
    both("before", col("day").gt(lit(last - 180)).and(col("day").lt_eq(lit(last - 90))));
    for (name, occasion) in occasion::defaults() {
        let within = (2023..=2026)
            .filter_map(|year| occasion.days(year))
            .map(|(a, b)| col("day").gt_eq(lit(a)).and(col("day").lt_eq(lit(b))))
            .reduce(Expr::or)
            .unwrap();
        both(&name, within);
    }
    both("weekend", ((col("day") + lit(3)) % lit(7)).gt_eq(lit(5)));
    for (name, from, to) in [("morning", 5, 12), ("afternoon", 12, 18), ("evening", 18, 23)] {
        both(name, col("hour").gt_eq(lit(from)).and(col("hour").lt(lit(to))));
    }
    both("night", col("hour").gt_eq(lit(23)).or(col("hour").lt(lit(5))));
    LazyFrame::scan_parquet(PlRefPath::from(file.to_str().unwrap()), ScanArgsParquet::default())
        .unwrap()
        .filter(col("customer_id").is_not_null().and(col("quantity").is_not_null()))
        .select([
            col("customer_id"),
            col("order_id"),
            col("product_id"),
            col("category"),
            col("quantity"),
            col("order_date").cast(DataType::Date).cast(DataType::Int32).alias("day"),
            col("order_date").dt().hour().cast(DataType::Int32).alias("hour"),
            (col("quantity").cast(DataType::Float64) * col("unit_price") * lit(10_000.0))
                .round(0, RoundMode::HalfAwayFromZero)
                .cast(DataType::Int64)
                .alias("amount"),
            col("order_id").str().starts_with(lit("C")).alias("returned"),
        ])
        .group_by([col("customer_id")])
        .agg(columns)
        .sort(["customer_id"], SortMultipleOptions::default())
        .collect_with_engine(Engine::Streaming)
        .unwrap()
        .unwrap_single()
        .height()
}
