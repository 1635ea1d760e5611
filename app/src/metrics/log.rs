//! The metrics of the log pipeline, under the service's own prefix.

logsearch::pipeline_metrics!("minitwit_log");
