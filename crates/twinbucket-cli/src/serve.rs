//! `twinbucket serve`: tables that follow their sources, over HTTP and RESP.

mod row;
