-- expand
-- In which time zone the people of a tenant read times.
ALTER TABLE tenants ADD COLUMN zone TEXT;  -- IANA name; absent: Asia/Kolkata
