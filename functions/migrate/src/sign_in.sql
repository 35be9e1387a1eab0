DO $sign_in$
DECLARE
    v_login name;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'rds_iam') THEN
        RETURN;
    END IF;
    FOR v_login IN
        SELECT login.rolname
          FROM pg_namespace space, LATERAL aclexplode(space.nspacl) leave
          JOIN pg_roles login ON login.oid = leave.grantee
         WHERE space.nspname = 'ledger' AND leave.privilege_type = 'USAGE'
           AND login.rolcanlogin AND NOT login.rolsuper AND login.rolname <> current_user
           AND NOT EXISTS (SELECT FROM pg_auth_members m JOIN pg_roles given ON given.oid = m.roleid
                            WHERE m.member = login.oid AND given.rolname = 'rds_iam')
    LOOP
        EXECUTE format('GRANT rds_iam TO %I', v_login);
    END LOOP;
END $sign_in$;
