//! The tables, as the migrations make them in both databases.

diesel::table! {
    notes (id) {
        id -> BigInt,
        title -> Text,
        body -> Text,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    note_keys (key) {
        key -> Text,
        request -> Text,
        note_id -> BigInt,
    }
}

diesel::table! {
    jobs (id) {
        id -> BigInt,
        kind -> Text,
        ask -> Text,
        input -> Binary,
        state -> Text,
        attempts -> Integer,
        due_at -> BigInt,
        worker -> Nullable<Text>,
        batch -> Nullable<BigInt>,
        created_at -> BigInt,
        started_at -> Nullable<BigInt>,
        finished_at -> Nullable<BigInt>,
        problem -> Nullable<Text>,
        media_type -> Nullable<Text>,
        result -> Nullable<Binary>,
    }
}

diesel::table! {
    job_keys (key) {
        key -> Text,
        request -> Text,
        job_id -> BigInt,
    }
}

diesel::table! {
    batches (id) {
        id -> BigInt,
        created_at -> BigInt,
    }
}

diesel::table! {
    job_line (id) {
        id -> Integer,
        accepted -> BigInt,
    }
}

diesel::table! {
    rooms (name) {
        name -> Text,
        latest -> BigInt,
    }
}

diesel::table! {
    messages (room, id) {
        room -> Text,
        id -> BigInt,
        text -> Text,
        created_at -> BigInt,
    }
}
