//! `twinbucket serve`: tables that follow their sources, over HTTP and RESP.

mod resp;
mod row;
